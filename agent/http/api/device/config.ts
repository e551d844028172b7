import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { parseJson } from '../../../base/files/parse-json.ts';
import type { ApiEdits, Editor } from '../../../config/edit/api-edits.ts';
import { isForeign, type SettingsKind } from '../../../config/edit/posted.ts';
import type { Config } from '../../../config/load/load.ts';
import type { ConfigKeys } from '../../../config/schema/config-keys.ts';
import { entityTag, IfMatch, ifMatch } from '../../messages/if-match.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { pathName } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, ConflictAnswer, operation, PageQuery, pageOf } from '../schema/schemas.ts';
import { ConfigName, configSchemas, ForecastAnswer, SourceTestAnswer } from './config-schemas.ts';

/** MediaMTX's size limit of a request body. */
const MAX_BODY_BYTES = 10 << 20;
const TAG = 'configuration';
const CHANGED = { ...answers(OkAnswer, 400, 404, 413, 503), 412: ConflictAnswer };

/** Settings with MediaMTX's keys, durations as text, and no passwords. */
type ShownSettings = Readonly<Record<string, unknown>>;
type NamedSettings = ShownSettings & { readonly name: string };

interface ConfigLookup {
  readonly keys: ConfigKeys;
  global(): ShownSettings;
  pathDefaults(): ShownSettings;
  /** Each path of the file with its defaults filled in. */
  paths(): readonly NamedSettings[];
  forecast(config: Config): object;
  /** Connects to the source of a path in this configuration. @throws PerchError exhausted, or badInput if nothing is pulled */
  testSource(config: Config, name: string, signal: AbortSignal): Promise<Static<typeof SourceTestAnswer>>;
}

export interface ConfigRoutesOptions {
  readonly config: ConfigLookup;
  readonly edits: Pick<ApiEdits, keyof ApiEdits>;
  editorOf(request: FastifyRequest): Promise<Editor>;
}

export const configRoutes: FastifyPluginAsync<ConfigRoutesOptions> = async (app, { config, edits, editorOf }) => {
  const options = { config, edits, editorOf: editorWith(editorOf), schemas: configSchemas(config.keys) };
  app.addHook('onSend', async (_request, reply) => {
    reply.header('ETag', entityTag(edits.tag));
  });
  await app.register(readingRoutes, options);
  await app.register(changingRoutes, options);
  await app.register(looseRoutes, options);
};

/** Adds the tag of `If-Match`. */
const editorWith =
  (editorOf: ConfigRoutesOptions['editorOf']): ConfigRoutesOptions['editorOf'] =>
  async (request) => {
    const seen = ifMatch(request);
    return { ...(await editorOf(request)), ...(seen === undefined ? {} : { seen }) };
  };

interface RoutesOptions extends ConfigRoutesOptions {
  readonly schemas: ReturnType<typeof configSchemas>;
}

const readingRoutes: FastifyPluginAsync<RoutesOptions> = async (app, { config, schemas }) => {
  const { ShownGlobal, ShownDefaults, ShownPath } = schemas;
  const global = operation(TAG, 'Top-level settings', answers(ShownGlobal));
  app.get('/config/global/get', { schema: global }, () => config.global());

  const defaults = operation(TAG, 'Default settings of paths', answers(ShownDefaults));
  app.get('/config/pathdefaults/get', { schema: defaults }, () => config.pathDefaults());

  const list = operation(TAG, 'Settings of every path, defaults filled in', answers(pageOf(ShownPath), 400), {
    querystring: PageQuery,
  });
  app.get('/config/paths/list', { schema: list }, ({ query }) => {
    const items = [...config.paths()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return paginate(items, query);
  });

  const get = operation(TAG, 'Settings of one path, defaults filled in', answers(ShownPath, 400, 404), {
    params: ConfigName,
  });
  app.get('/config/paths/get/*', { schema: get }, (request) => {
    const name = pathName(request);
    const path = config.paths().find((candidate) => candidate.name === name);
    if (!path) {
      throw new PerchError('notFound', 'path configuration not found', { path: name });
    }
    return path;
  });
};

const change = (summary: string, request: object = {}) => ({
  bodyLimit: MAX_BODY_BYTES,
  schema: operation(TAG, summary, CHANGED, { headers: IfMatch, ...request }),
});

/** Answers once the change is valid and saved; affected streams restart afterwards. */
const changingRoutes: FastifyPluginAsync<RoutesOptions> = async (app, { config, edits, editorOf, schemas }) => {
  const { SentGlobal, SentPath } = schemas;
  const named = (summary: string) => change(summary, { params: ConfigName, body: SentPath });

  app.patch('/config/global/patch', change('Change top-level settings', { body: SentGlobal }), async (request) => {
    await edits.patchGlobal(request.body, await editorOf(request));
    return OK;
  });
  app.patch(
    '/config/pathdefaults/patch',
    change('Change the default settings of paths', { body: SentPath }),
    async (request) => {
      await edits.patchPathDefaults(request.body, await editorOf(request));
      return OK;
    },
  );
  app.post('/config/paths/add/*', named('Add a path'), async (request) => {
    await edits.addPath(pathName(request), request.body, await editorOf(request));
    return OK;
  });
  app.patch('/config/paths/patch/*', named('Change settings of a path'), async (request) => {
    await edits.patchPath(pathName(request), request.body, await editorOf(request));
    return OK;
  });
  const forecast = operation(
    TAG,
    'Effects that PATCH with these settings would have; nothing is changed',
    answers(ForecastAnswer, 400, 404, 413),
    { params: ConfigName, body: SentPath },
  );
  app.post('/config/paths/foresee/*', { bodyLimit: MAX_BODY_BYTES, schema: forecast }, async (request) =>
    config.forecast(await edits.tryPath(pathName(request), request.body, await editorOf(request))),
  );
  const test = operation(
    TAG,
    'Connect to the source that a path would have with these settings; nothing is changed',
    answers(SourceTestAnswer, 400, 413, 429),
    {
      description:
        'Answers after the first picture, or the reason why there is none: 30 s after the start of the test at most. Four tests run at once; eight more wait for their turn. A path that does not exist has the default settings. A local socket (`unix+…`) is not tested.',
      params: ConfigName,
      body: SentPath,
    },
  );
  app.post('/config/paths/test/*', { bodyLimit: MAX_BODY_BYTES, schema: test }, async (request, reply) => {
    const name = pathName(request);
    const next = await edits.tryPath(name, request.body, await editorOf(request), 'mayBeNew');
    return config.testSource(next, name, clientSignal(reply));
  });
  app.post('/config/paths/replace/*', named('Add a path, or replace all of its settings'), async (request) => {
    await edits.replacePath(pathName(request), request.body, await editorOf(request));
    return OK;
  });
  app.delete('/config/paths/delete/*', change('Remove a path', { params: ConfigName }), async (request) => {
    await edits.deletePath(pathName(request), await editorOf(request));
    return OK;
  });
};

/** Routes of older guides: POST instead of PATCH, with any body; unknown settings change nothing. */
const looseRoutes: FastifyPluginAsync<ConfigRoutesOptions> = async (app, { config, edits, editorOf }) => {
  takeAnyBody(app);
  const isMeant = ({ body }: FastifyRequest, kind: SettingsKind): boolean => !isForeign(body, kind, config.keys);

  app.post('/config/global/patch', change('PATCH of the same name, for older clients'), async (request) => {
    if (isMeant(request, 'global')) {
      await edits.patchGlobal(request.body, await editorOf(request));
    }
    return OK;
  });
  app.post('/config/pathdefaults/patch', change('PATCH of the same name, for older clients'), async (request) => {
    if (isMeant(request, 'path')) {
      await edits.patchPathDefaults(request.body, await editorOf(request));
    }
    return OK;
  });
  const patch = change('PATCH of the same name, for older clients', { params: ConfigName });
  app.post('/config/paths/patch/*', patch, async (request) => {
    const name = pathName(request);
    if (isMeant(request, 'path')) {
      await edits.patchPath(name, request.body, await editorOf(request));
    } else if (!config.paths().some((path) => path.name === name)) {
      throw new PerchError('notFound', 'path not found', { path: name });
    }
    return OK;
  });
  app.post('/config/reload', change('Read the configuration file again'), async () => {
    await edits.reload();
    return OK;
  });
};

function takeAnyBody(app: Parameters<FastifyPluginAsync>[0]): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: FastifyRequest, body: string | Buffer) =>
    // Not JSON: it contains no settings.
    parseJson(body.toString()),
  );
}

/** Aborts when the client has left before the answer. */
function clientSignal({ raw }: FastifyReply): AbortSignal {
  const left = new AbortController();
  raw.once('close', () => {
    if (!raw.writableEnded) {
      left.abort();
    }
  });
  return left.signal;
}
