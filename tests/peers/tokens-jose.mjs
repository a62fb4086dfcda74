// The package jose as a verifier of many tokens: node tokens-jose.mjs ISSUER
//
// The first line of the input: public keys by kid, as PEM. Each further line: tokens, as a JSON array. One line of output each:
// for every token its claims, or the code of the error.
import { createPublicKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import { jwtVerify } from 'jose';

const issuer = process.argv[2];
// A lone surrogate, which no other verifier could read, becomes U+FFFD.
const text = (value) => (typeof value === 'string' ? Buffer.from(value).toString() : null);
let keys;

async function verdict(token) {
  try {
    const key = ({ kid }) => {
      if (!keys.has(kid)) throw new Error('unknown kid');
      return keys.get(kid);
    };
    const { payload } = await jwtVerify(token, key, { algorithms: ['ES256'], issuer, clockTolerance: 30 });
    const { sub, iss, email, name, exp } = payload;
    return { claims: { sub: text(sub), iss: text(iss), email: text(email), name: text(name), exp: exp ?? null } };
  } catch (error) {
    return { error: error.code ?? error.constructor.name };
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const input = JSON.parse(line);
  if (keys === undefined) {
    keys = new Map(Object.entries(input).map(([kid, pem]) => [kid, createPublicKey(pem)]));
    continue;
  }
  const verdicts = [];
  for (const token of input) verdicts.push(await verdict(token));
  process.stdout.write(`${JSON.stringify(verdicts)}\n`);
}
