// Verifies x-amzn-oidc-data of an Application Load Balancer. Needs Java 17 and Jackson (jackson-databind).
//
// java -cp 'JACKSON/*' Verify.java KEY_ENDPOINT SIGNER ISSUER CLIENT_ID    with the token on standard input
// Prints the claims as JSON; exits with 1 and the reason if the token is rejected.

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

public record Verify(String keyEndpoint, String signer, String issuer, String clientId) {
    private static final Pattern KID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    private static final long LEEWAY_SECONDS = 30;
    private static final ObjectMapper JSON = new ObjectMapper()
        .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    // Follows no redirect.
    private static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    // By kid. AWS never reuses one.
    private static final Map<String, ECPublicKey> KEYS = new ConcurrentHashMap<>();

    /** The claims of the token. */
    public JsonNode verify(String token) throws GeneralSecurityException, IOException, InterruptedException {
        String[] parts = token.split("\\.", -1);
        check(parts.length == 3, "not three parts");
        JsonNode header = JSON.readTree(decode(parts[0]));
        // Before a key is fetched. Every AWS account signs with the keys of its region, so without the comparison of
        // `signer` a token of an attacker's load balancer is accepted.
        Map<String, String> expected = Map.of("alg", "ES256", "signer", signer, "iss", issuer, "client", clientId);
        for (Map.Entry<String, String> member : expected.entrySet()) {
            String found = text(header, member.getKey());
            check(member.getValue().equals(found), member.getKey() + " is " + found + ", expected " + member.getValue());
        }
        String kid = text(header, "kid");
        check(KID.matcher(kid).matches(), "kid is not a UUID in lower case"); // It becomes part of an address.
        ECPublicKey key = KEYS.get(kid);
        if (key == null) {
            key = fetch(kid);
            KEYS.put(kid, key);
        }
        // The signature covers the text as it was received, with the padding that a load balancer writes.
        Signature verifier = Signature.getInstance("SHA256withECDSAinP1363Format");
        verifier.initVerify(key);
        verifier.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        check(verifier.verify(decode(parts[2])), "invalid signature");
        JsonNode claims = JSON.readTree(decode(parts[1]));
        JsonNode exp = claims.path("exp");
        check(exp.isIntegralNumber() && exp.canConvertToLong(), "without exp");
        check(exp.longValue() > Instant.now().getEpochSecond() - LEEWAY_SECONDS, "expired");
        check(issuer.equals(text(claims, "iss")), "iss of the claims is not the issuer");
        check(!text(claims, "sub").isEmpty(), "no sub");
        return claims;
    }

    private ECPublicKey fetch(String kid) throws GeneralSecurityException, IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(keyEndpoint + "/" + kid)).timeout(Duration.ofSeconds(5)).build();
        HttpResponse<String> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        check(response.statusCode() == 200, "the key endpoint responded with " + response.statusCode());
        String pem = response.body().replaceAll("-----(BEGIN|END) PUBLIC KEY-----", "").replaceAll("\\s", "");
        byte[] encoded;
        try {
            encoded = Base64.getDecoder().decode(pem);
        } catch (IllegalArgumentException notBase64) {
            throw new GeneralSecurityException("the response of the key endpoint is not PEM");
        }
        ECPublicKey key = (ECPublicKey) KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(encoded));
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        ECParameterSpec p256 = curve.getParameterSpec(ECParameterSpec.class);
        check(key.getParams().getCurve().equals(p256.getCurve()), "the key is not on the curve P-256");
        return key;
    }

    private static byte[] decode(String part) throws GeneralSecurityException {
        try {
            return Base64.getUrlDecoder().decode(part);
        } catch (IllegalArgumentException notBase64) {
            throw new GeneralSecurityException("a part is not base64url");
        }
    }

    /** The text of a member; empty if it is missing or of another type. */
    private static String text(JsonNode object, String name) {
        return object.path(name).isTextual() ? object.path(name).textValue() : "";
    }

    private static void check(boolean holds, String otherwise) throws GeneralSecurityException {
        if (!holds) {
            throw new GeneralSecurityException(otherwise);
        }
    }

    public static void main(String[] arguments) throws Exception {
        try {
            check(arguments.length == 4, "expected KEY_ENDPOINT SIGNER ISSUER CLIENT_ID");
            String token = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).strip();
            System.out.println(new Verify(arguments[0], arguments[1], arguments[2], arguments[3]).verify(token));
        } catch (GeneralSecurityException | IOException refused) {
            System.out.println("rejected: " + refused.getMessage());
            System.exit(1);
        }
    }
}
