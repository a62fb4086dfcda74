// A service that verifies the assertion of alb-auth-proxy by itself, and refuses a request without a valid one. Prints its port, and
// responds with the email of the user.
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { PORT, KEYS, ISSUER, AUDIENCE } = process.env;
const keys = createRemoteJWKSet(new URL(KEYS));
const options = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], typ: 'JWT', requiredClaims: ['exp', 'email'] };

const server = createServer(async (request, response) => {
    try {
        const { payload } = await jwtVerify(request.headers['x-jwt-assertion'] ?? '', keys, options);
        response.end(payload.email);
    } catch (error) {
        response.writeHead(401).end(`refused by the service: ${error.code}`);
    }
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(server.address().port));
