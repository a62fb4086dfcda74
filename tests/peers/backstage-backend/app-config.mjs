// How stock Backstage reads configuration files: a line of JSON in, a line of JSON out.
//
// In: { folder, args, env }. The folder is the working directory, env is the whole environment.
// Out: { failed } if the files cannot be read; else { values, errors } by the names below, read by the functions of the stock
// packages that read them in a back end.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const packages = join(dirname(fileURLToPath(import.meta.url)), 'node_modules');
const dist = path => require(join(packages, path));

const { ConfigReader } = require('@backstage/config');
const { ConfigSources } = require('@backstage/config-loader');
const { readHttpServerOptions } = dist('@backstage/backend-defaults/dist/entrypoints/rootHttpRouter/http/config.cjs.js');
const { HostDiscovery } = dist('@backstage/backend-defaults/dist/entrypoints/discovery/HostDiscovery.cjs.js');
const { getEndpoints } = dist('@backstage/backend-defaults/dist/entrypoints/discovery/parsing.cjs.js');
const connectors = '@backstage/backend-defaults/dist/entrypoints/database/connectors';
const { computePgPluginConfig, buildPgDatabaseConfig } = dist(`${connectors}/postgres.cjs.js`);
const { mergeDatabaseConfig } = dist(`${connectors}/mergeDatabaseConfig.cjs.js`);
const external = '@backstage/backend-defaults/dist/entrypoints/auth/external';
const { ExternalAuthTokenHandler } = dist(`${external}/ExternalAuthTokenHandler.cjs.js`);
const { readAccessRestrictionsFromConfig } = dist(`${external}/helpers.cjs.js`);
const { readBackstageTokenExpiration } = dist('@backstage/plugin-auth-backend/dist/service/readTokenExpiration.cjs.js');
const ConnectionParameters = dist('pg/lib/connection-parameters.js');
const driverDefaults = dist('pg/lib/defaults.js');

const AWSALB = 'auth.providers.awsalb';
process.removeAllListeners('warning');
process.on('warning', () => {});
console.warn = () => {};

async function discovered(config, plugin, side) {
    const discovery = HostDiscovery.fromConfig(config);
    const named = getEndpoints(config).filter(({ target, plugins }) =>
        (plugins.includes(plugin) || plugins.includes('*')) && (typeof target === 'string' || target[side]));
    if (named.length === 0) return null;
    const target = named.map(({ target }) => (typeof target === 'string' ? target : target[side]));
    if (target.some(url => /^https?\+srv:/i.test(url))) return 'srv';
    return side === 'internal' ? discovery.getBaseUrl(plugin) : discovery.getExternalBaseUrl(plugin);
}

// As ServerPermissionClient of @backstage/plugin-permission-node decides about the permission catalog.entity.read.
function mayReadTheCatalog(entry) {
    const restrictions = readAccessRestrictionsFromConfig(entry);
    if (!restrictions) return true;
    const catalog = restrictions.get('catalog');
    if (!catalog) return false;
    const names = catalog.permissionNames ?? ['catalog.entity.read'];
    const actions = catalog.permissionAttributes?.action ?? ['read'];
    return names.includes('catalog.entity.read') && actions.includes('read');
}

async function database(config) {
    const all = config.getOptionalConfig('backend.database');
    if (!all) return null;
    const client = all.getOptionalString('plugin.auth.client') ?? all.getString('client');
    if (client !== 'pg') return { client };
    const prefix = all.getOptionalString('prefix') || 'backstage_plugin_';
    const schemaPrefix = all.getOptionalString('schemaPrefix') || '';
    const plugin = computePgPluginConfig(all, 'auth', prefix, schemaPrefix);
    const merged = mergeDatabaseConfig(plugin.knexConfig, plugin.databaseClientOverrides);
    let knex = await buildPgDatabaseConfig(all, merged);
    if (typeof knex.connection === 'function') {
        // Tokens of IAM need credentials; the rest of type: rds is that of any connection.
        const { type, region, ...connection } = merged.connection;
        knex = await buildPgDatabaseConfig(new ConfigReader({ ...all.get(), connection }), { ...merged, connection });
    }
    driverDefaults.user = process.env.USER;
    const used = new ConnectionParameters(knex.connection);
    const ssl = used.ssl;
    const path = knex.searchPath ?? [];
    return {
        client,
        host: used.host,
        port: used.port,
        user: used.user ?? null,
        password: used.password ?? null,
        database: used.database ?? null,
        tls: !ssl ? 'off' : ssl.rejectUnauthorized === false ? 'unverified' : 'verified',
        ca: typeof ssl === 'object' && ssl.rejectUnauthorized !== false ? [ssl.ca ?? []].flat().join('\n') || null : null,
        searchPath: typeof path === 'string' ? [path] : path,
        ensureExists: plugin.ensureExists,
        role: plugin.role ?? null,
    };
}

const readers = {
    baseUrl: config => config.getString('backend.baseUrl'),
    appUrl: config => config.getString('app.baseUrl'),
    listen: config => readHttpServerOptions(config.getConfig('backend')).listen,
    issuer: config => config.getString(`${AWSALB}.issuer`),
    signer: config => config.getOptionalString(`${AWSALB}.signer`) ?? null,
    clientIds: config => config.getOptionalStringArray(`${AWSALB}.clientIds`) ?? null,
    exposeAccessToken: config => config.getOptionalBoolean(`${AWSALB}.exposeAccessToken`) ?? null,
    resolvers: config => config.getConfigArray(`${AWSALB}.signIn.resolvers`).map(resolver => ({
        resolver: resolver.getString('resolver'),
        allowedDomains: resolver.getOptionalStringArray('allowedDomains') ?? null,
    })),
    lifetime: config => readBackstageTokenExpiration(config),
    omitOwnership: config => config.getOptionalBoolean('auth.omitIdentityTokenOwnershipClaim') ?? null,
    algorithm: config => config.getOptionalString('auth.identityTokenAlgorithm') ?? null,
    keyStore: config => config.getOptionalConfig('auth.keyStore')?.getOptionalString('provider') ?? null,
    guest: config => {
        const providers = config.getOptionalConfig('auth.providers');
        if (!providers?.keys().includes('guest')) return null;
        const guest = providers.getConfig('guest');
        return {
            user: guest.getOptionalString('userEntityRef') ?? null,
            outside: guest.getOptionalBoolean('dangerouslyAllowOutsideDevelopment') ?? false,
        };
    },
    token: config => {
        // Fails at what a back end fails at.
        ExternalAuthTokenHandler.create({ ownPluginId: 'catalog', config, logger: { warn() {} } });
        const entries = config.getOptionalConfigArray('backend.auth.externalAccess') ?? [];
        const entry = entries.find(entry => entry.getString('type') === 'static' && mayReadTheCatalog(entry));
        return entry ? entry.getString('options.token') : null;
    },
    catalog: config => discovered(config, 'catalog', 'internal'),
    auth: config => discovered(config, 'auth', 'external'),
    database,
};

async function read({ folder, args, env }) {
    process.chdir(folder);
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, env);
    let config;
    try {
        const source = ConfigSources.default({ argv: ['node', 'backend', ...args], watch: false });
        config = await ConfigSources.toConfig(source);
        config.close();
    } catch (error) {
        return { failed: String(error) };
    }
    const [values, errors] = [{}, {}];
    for (const [name, reader] of Object.entries(readers)) {
        try {
            values[name] = await reader(config);
        } catch (error) {
            errors[name] = String(error);
        }
    }
    return { values, errors };
}

for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await read(JSON.parse(line)))}\n`);
}
