// A receiver of webhooks for Java 17 or later; there is nothing to install.
//
//     java Receiver.java
//
// SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Receiver {
    private static final SecretKeySpec KEY = new SecretKeySpec(
            Base64.getDecoder().decode(
                    Objects.requireNonNull(System.getenv("SONNETTE_SECRET"), "SONNETTE_SECRET is not set")
                            .replaceFirst("^whsec_", "")),
            "HmacSHA256");

    // Lost when the process ends: in production, use a table with a unique column, and write to it in the
    // transaction that does the work.
    private static final Set<String> SEEN = new HashSet<>();

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(Objects.requireNonNullElse(System.getenv("PORT"), "8000"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", Receiver::receive);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
    }

    private static void receive(HttpExchange exchange) throws IOException {
        int status = 500;
        try {
            // The bytes as they came: JSON that was parsed and written again has another signature.
            byte[] body = exchange.getRequestBody().readNBytes(1_000_000);
            status = answer(exchange.getRequestHeaders(), body);
        } catch (GeneralSecurityException | RuntimeException error) {
            error.printStackTrace();
        }
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }

    private static int answer(Headers headers, byte[] body) throws GeneralSecurityException {
        if (!verified(headers, body)) {
            return 401;
        }
        String id = headers.getFirst("webhook-id");
        synchronized (SEEN) {
            // Whatever is sent again comes with the same webhook-id.
            if (!SEEN.contains(id)) {
                work(new String(body, StandardCharsets.UTF_8));
                SEEN.add(id);
            }
        }
        return 200;
    }

    private static boolean verified(Headers headers, byte[] body) throws GeneralSecurityException {
        String timestamp = Objects.requireNonNullElse(headers.getFirst("webhook-timestamp"), "");
        long now = System.currentTimeMillis() / 1000;
        if (!timestamp.matches("[0-9]{1,12}") || Math.abs(now - Long.parseLong(timestamp)) > 300) {
            return false;
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(KEY);
        mac.update((headers.getFirst("webhook-id") + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body)))
                .getBytes(StandardCharsets.UTF_8);
        boolean found = false;
        // After a change of the secret there are two signatures for a day. Either will do.
        for (String signature : Objects.requireNonNullElse(headers.getFirst("webhook-signature"), "").split(" ")) {
            found |= MessageDigest.isEqual(signature.getBytes(StandardCharsets.UTF_8), expected);
        }
        return found;
    }

    private static void work(String body) {
        // The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
        // Java comes without a parser of JSON: use the one that your application has.
        for (String name : new String[] {"action", "type", "event"}) {
            Matcher value = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(body);
            if (value.find()) {
                System.out.println("received " + value.group(1));
                return;
            }
        }
    }
}
