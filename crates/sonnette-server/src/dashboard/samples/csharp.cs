// A receiver of webhooks for .NET 8 or later; there is nothing to install.
//
//     dotnet new web        and this is Program.cs
//
// SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

var secret = Environment.GetEnvironmentVariable("SONNETTE_SECRET") ?? "";
var key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret["whsec_".Length..] : secret);
if (key.Length == 0) throw new InvalidOperationException("SONNETTE_SECRET is not set");

// Lost when the process ends: in production, use a table with a unique column, and write to it in the
// transaction that does the work.
var seen = new HashSet<string>();

var builder = WebApplication.CreateBuilder(args);
builder.WebHost.ConfigureKestrel(options => options.Limits.MaxRequestBodySize = 1_000_000);
var app = builder.Build();

app.MapPost("/{**path}", async (HttpRequest request) =>
{
    // The bytes as they came: JSON that was parsed and written again has another signature.
    using var buffer = new MemoryStream();
    await request.Body.CopyToAsync(buffer);
    var body = buffer.ToArray();
    if (!Verified(request.Headers, body)) return Results.StatusCode(401);
    lock (seen)
    {
        // Whatever is sent again comes with the same webhook-id.
        var id = request.Headers["webhook-id"].ToString();
        if (!seen.Contains(id))
        {
            Work(body);
            seen.Add(id);
        }
    }
    return Results.Ok();
});

app.Run();

void Work(byte[] body)
{
    // The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
    using var notification = JsonDocument.Parse(body);
    foreach (var name in new[] { "action", "type", "event" })
    {
        if (notification.RootElement.TryGetProperty(name, out var value))
        {
            Console.WriteLine($"received {value}");
            return;
        }
    }
}

bool Verified(IHeaderDictionary headers, byte[] body)
{
    var timestamp = headers["webhook-timestamp"].ToString();
    var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    if (!long.TryParse(timestamp, out var seconds) || seconds < now - 300 || seconds > now + 300) return false;
    var start = Encoding.UTF8.GetBytes($"{headers["webhook-id"]}.{timestamp}.");
    var hash = HMACSHA256.HashData(key, start.Concat(body).ToArray());
    var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hash));
    // After a change of the secret there are two signatures for a day. Either will do.
    return headers["webhook-signature"].ToString().Split(' ').Any(signature =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature), expected));
}
