<?php

// A receiver of webhooks in one file, for PHP 8; there is nothing to install.
// SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.

declare(strict_types=1);

function work(array $notification): void
{
    // The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
    error_log('received ' . ($notification['action'] ?? $notification['type'] ?? $notification['event'] ?? ''));
}

function verified(string $id, string $timestamp, string $signatures, string $body, string $key): bool
{
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // After a change of the secret there are two signatures for a day. Either will do.
    foreach (explode(' ', $signatures) as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}

// Whatever fails below is answered like this, and is sent again.
http_response_code(500);
$key = (string) base64_decode(preg_replace('/^whsec_/', '', (string) getenv('SONNETTE_SECRET')));
if ($key === '') {
    exit('SONNETTE_SECRET is not set');
}
$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
$signatures = $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '';
// The bytes as they came: JSON that was parsed and written again has another signature.
$body = (string) file_get_contents('php://input', length: 1_000_000);
if (!verified($id, $timestamp, $signatures, $body, $key)) {
    http_response_code(401);
    exit;
}

// Whatever is sent again comes with the same webhook-id. A file for each that was seen is enough to begin with:
// in production, use a table with a unique column, and write to it in the transaction that does the work.
$directory = sys_get_temp_dir() . '/webhooks-seen';
is_dir($directory) || mkdir($directory, 0700);
$seen = fopen($directory . '/' . hash('sha256', $id), 'c+');
flock($seen, LOCK_EX);
if (fread($seen, 1) === '') {
    work(json_decode($body, true, flags: JSON_THROW_ON_ERROR));
    fwrite($seen, '1');
}
http_response_code(200);
