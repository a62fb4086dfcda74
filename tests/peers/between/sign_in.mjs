// Signs in through the emulator: node sign_in.mjs undici|tough-cookie URL
//
// Prints the user whom the application names, or what stopped it.

import dns from "node:dns";

import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";
import { Agent, fetch, getSetCookies } from "undici";

const [client, url] = process.argv.slice(2);
const MAX_REDIRECTS = 20;

// Names under localhost are this machine, as in browsers; the hosts file need not have them.
const lookup = (host, options, done) => dns.lookup(host.endsWith(".localhost") ? "127.0.0.1" : host, options, done);
const dispatcher = new Agent({ connect: { lookup } });
const send = (url, options) => fetch(url, { ...options, dispatcher });

// undici has no cookie jar: this one keeps cookies by host, as a program without a package would.
const jar = new Map();
async function byHost(url) {
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const { hostname } = new URL(url);
        const held = jar.get(hostname) ?? new Map();
        jar.set(hostname, held);
        const cookie = [...held].map(([name, value]) => `${name}=${value}`).join("; ");
        const response = await send(url, { redirect: "manual", headers: cookie ? { cookie } : {} });
        for (const { name, value, maxAge } of getSetCookies(response.headers)) {
            maxAge === 0 ? held.delete(name) : held.set(name, value);
        }
        const location = response.headers.get("location");
        if (!location) {
            return response;
        }
        await response.body?.cancel();
        url = new URL(location, url).href;
    }
    throw new Error("maximum redirect reached");
}

const get = client === "undici" ? byHost : makeFetchCookie(send, new CookieJar());
try {
    // The second request uses the session.
    await (await get(url)).text();
    const response = await get(url);
    console.log(response.ok ? (await response.json()).user : `HTTP ${response.status}`);
} catch (error) {
    const code = error.cause?.code ?? error.code;
    const endless = /redirect/i.test(error.message);
    console.log(endless ? "redirects without end" : (code ?? String(error)));
}
await dispatcher.close();
