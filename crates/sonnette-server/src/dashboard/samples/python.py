# A receiver of webhooks as a view of Django; there is nothing more to install.
#
# In urls.py:  path("webhooks/", receive)
# SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
import base64
import hashlib
import hmac
import json
import os
import threading
import time

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

KEY = base64.b64decode(os.environ.get("SONNETTE_SECRET", "").removeprefix("whsec_"))
if not KEY:
    raise ImproperlyConfigured("SONNETTE_SECRET is not set")

# Lost when the process ends, and each process has its own: in production, use a table with a unique column,
# and write to it in the transaction that does the work.
seen = set()
one_at_a_time = threading.Lock()


def work(notification):
    # The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
    print("received", notification.get("action") or notification.get("type") or notification.get("event"), flush=True)


def verified(headers, body):
    timestamp = headers.get("webhook-timestamp", "")
    try:
        age = time.time() - float(timestamp)
    except ValueError:
        return False
    if not abs(age) <= 300:
        return False
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256))
    # After a change of the secret there are two signatures for a day. Either will do.
    signatures = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


@csrf_exempt  # The signature says who is calling.
def receive(request):
    # The bytes as they came: JSON that was parsed and written again has another signature.
    if not verified(request.headers, request.body):
        return HttpResponse(status=401)
    webhook_id = request.headers["webhook-id"]
    with one_at_a_time:
        # Whatever is sent again comes with the same webhook-id.
        if webhook_id not in seen:
            work(json.loads(request.body))
            seen.add(webhook_id)
    return HttpResponse()
