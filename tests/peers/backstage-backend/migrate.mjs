// Backstage's own migrations, on a database of the peer tests.
//
// node migrate.mjs auth|keys URL [--schema NAME] [--until MIGRATION]
// auth: the tables of the auth backend; keys: the public keys of plugin tokens. MIGRATION is the last one to run, by its file
// name: the auth backend up to 0.24 ends at 20240510120825_user_info.js.
import { createRequire } from 'node:module';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import knexFactory from 'knex';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { schema: { type: 'string' }, until: { type: 'string' } },
});
const [kind, url] = positionals;
const root = name => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
const settings = {
  auth: { directory: join(root('@backstage/plugin-auth-backend'), 'migrations') },
  keys: {
    directory: join(root('@backstage/backend-defaults'), 'migrations/auth'),
    tableName: 'backstage_backend_public_keys__knex_migrations',
  },
}[kind];
const knex = knexFactory({ client: 'pg', connection: url, searchPath: values.schema ? [values.schema] : undefined });
try {
  if (values.schema) await knex.raw('create schema if not exists ??', [values.schema]);
  if (values.until) {
    const names = readdirSync(settings.directory).sort();
    for (const name of names.slice(0, names.indexOf(values.until) + 1)) await knex.migrate.up({ ...settings, name });
  } else {
    await knex.migrate.latest(settings);
  }
} finally {
  await knex.destroy();
}
