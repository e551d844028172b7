import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { isForeign, type SettingsKind } from '../../../config/edit/posted.ts';
import type { Config } from '../../../config/load/load.ts';
import { entityTag, IfMatch, ifMatch } from '../../messages/if-match.ts';
import { ConflictAnswer, OkAnswer } from '../../messages/responses.ts';
import { nameOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, PageQuery, pageOf } from '../schema/schemas.ts';
import {
  ConfigName,
  ForeseenAnswer,
  SentGlobal,
  SentPath,
  ShownDefaults,
  ShownGlobal,
  ShownPath,
} from './config-schemas.ts';

/** MediaMTX's limit. */
const MAX_BODY_BYTES = 10 << 20;
const TAGS = ['configuration'];
const OK = { status: 'ok' } as const;
const CHANGED = { ...answers(OkAnswer, 400, 404, 413, 503), 412: ConflictAnswer };

/** Settings with MediaMTX's keys, durations as text, and no passwords. */
type ShownSettings = Readonly<Record<string, unknown>>;
type NamedSettings = ShownSettings & { readonly name: string };

interface ConfigLookup {
  global(): ShownSettings;
  pathDefaults(): ShownSettings;
  /** Each path of the file with its defaults filled in. */
  paths(): readonly NamedSettings[];
  foresee(config: Config): Foreseen;
}

/** Effects of a change of settings on streams and recordings. */
interface Foreseen {
  /** Paths whose stream restarts. */
  readonly restarts: readonly string[];
  /** Paths whose recording starts or stops; their stream continues. */
  readonly recordings: readonly string[];
}

/** Who changes settings, and on what basis. */
export interface ConfigEditor {
  readonly hasAllRights: boolean;
  /** Name of the user, if known. */
  readonly user?: string;
  /** Tag of the settings that the change is based on. */
  readonly seen?: string;
}

/**
 * All throw PerchError: badInput with what is wrong, notFound for a path that is not there, unavailable when the file cannot be
 * written, conflict when somebody else has changed the same since the editor has seen it.
 */
export interface ConfigEdits {
  /** Of the settings as they are now. */
  readonly tag: string;
  patchGlobal(body: unknown, editor: ConfigEditor): Promise<void>;
  patchPathDefaults(body: unknown, editor: ConfigEditor): Promise<void>;
  addPath(name: string, body: unknown, editor: ConfigEditor): Promise<void>;
  replacePath(name: string, body: unknown, editor: ConfigEditor): Promise<void>;
  patchPath(name: string, body: unknown, editor: ConfigEditor): Promise<void>;
  deletePath(name: string, editor: ConfigEditor): Promise<void>;
  /** What the settings would be after `patchPath`, with nothing written. */
  tryPath(name: string, body: unknown, editor: ConfigEditor): Promise<Config>;
  reload(): Promise<void>;
}

export interface ConfigRoutesOptions {
  readonly config: ConfigLookup;
  readonly edits: ConfigEdits;
  editorOf(request: FastifyRequest): Promise<ConfigEditor>;
}

export const configRoutes: FastifyPluginAsync<ConfigRoutesOptions> = async (app, { config, edits, editorOf }) => {
  const options = { config, edits, editorOf: editorWith(editorOf) };
  app.addHook('onSend', async (_request, reply) => {
    reply.header('ETag', entityTag(edits.tag));
  });
  await app.register(readingRoutes, options);
  await app.register(changingRoutes, options);
  await app.register(looseRoutes, options);
};

/** Knows also what he has seen. */
const editorWith =
  (editorOf: ConfigRoutesOptions['editorOf']): ConfigRoutesOptions['editorOf'] =>
  async (request) => {
    const seen = ifMatch(request);
    return { ...(await editorOf(request)), ...(seen === undefined ? {} : { seen }) };
  };

const readingRoutes: FastifyPluginAsync<ConfigRoutesOptions> = async (app, { config }) => {
  app.get(
    '/config/global/get',
    { schema: { summary: 'Top-level settings', tags: TAGS, response: answers(ShownGlobal) } },
    () => config.global(),
  );

  app.get(
    '/config/pathdefaults/get',
    { schema: { summary: 'Settings that every path starts from', tags: TAGS, response: answers(ShownDefaults) } },
    () => config.pathDefaults(),
  );

  const list = {
    ...{ summary: 'Settings of every path, defaults filled in', tags: TAGS },
    ...{ querystring: PageQuery, response: answers(pageOf(ShownPath), 400) },
  };
  app.get('/config/paths/list', { schema: list }, ({ query }) => {
    const items = [...config.paths()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return paginate(items, query);
  });

  const get = {
    ...{ summary: 'Settings of one path, defaults filled in', tags: TAGS },
    ...{ params: ConfigName, response: answers(ShownPath, 400, 404) },
  };
  app.get('/config/paths/get/*', { schema: get }, (request) => {
    const name = nameOf(request);
    const path = config.paths().find((candidate) => candidate.name === name);
    if (!path) {
      throw new PerchError('notFound', 'path configuration not found', { path: name });
    }
    return path;
  });
};

/** Answers once the change is valid and saved; affected streams restart afterwards. */
const changingRoutes: FastifyPluginAsync<ConfigRoutesOptions> = async (app, { config, edits, editorOf }) => {
  const about = (summary: string, more: object) => ({
    bodyLimit: MAX_BODY_BYTES,
    schema: { summary, tags: TAGS, headers: IfMatch, ...more, response: CHANGED },
  });
  const named = (summary: string) => about(summary, { params: ConfigName, body: SentPath });

  app.patch('/config/global/patch', about('Change top-level settings', { body: SentGlobal }), async (request) => {
    await edits.patchGlobal(request.body, await editorOf(request));
    return OK;
  });
  app.patch(
    '/config/pathdefaults/patch',
    about('Change what every path starts from', { body: SentPath }),
    async (request) => {
      await edits.patchPathDefaults(request.body, await editorOf(request));
      return OK;
    },
  );
  app.post('/config/paths/add/*', named('Add a path'), async (request) => {
    await edits.addPath(nameOf(request), request.body, await editorOf(request));
    return OK;
  });
  app.patch('/config/paths/patch/*', named('Change settings of a path'), async (request) => {
    await edits.patchPath(nameOf(request), request.body, await editorOf(request));
    return OK;
  });
  const foresee = {
    ...{ summary: 'Effects that PATCH with these settings would have; nothing is changed', tags: TAGS },
    ...{ params: ConfigName, body: SentPath, response: answers(ForeseenAnswer, 400, 404, 413) },
  };
  app.post('/config/paths/foresee/*', { bodyLimit: MAX_BODY_BYTES, schema: foresee }, async (request) =>
    config.foresee(await edits.tryPath(nameOf(request), request.body, await editorOf(request))),
  );
  app.post('/config/paths/replace/*', named('Add a path, or replace all of its settings'), async (request) => {
    await edits.replacePath(nameOf(request), request.body, await editorOf(request));
    return OK;
  });
  app.delete('/config/paths/delete/*', about('Remove a path', { params: ConfigName }), async (request) => {
    await edits.deletePath(nameOf(request), await editorOf(request));
    return OK;
  });
};

/** As guides in circulation have them: POST in the place of PATCH, and whatever body, of which what is no setting changes nothing. */
const looseRoutes: FastifyPluginAsync<ConfigRoutesOptions> = async (app, { config, edits, editorOf }) => {
  takeAnyBody(app);
  const about = (summary: string, more: object = {}) => ({
    bodyLimit: MAX_BODY_BYTES,
    schema: { summary, tags: TAGS, headers: IfMatch, ...more, response: CHANGED },
  });
  const isMeant = ({ body }: FastifyRequest, kind: SettingsKind): boolean => !isForeign(body, kind);

  app.post('/config/global/patch', about('PATCH of the same name, for older clients'), async (request) => {
    if (isMeant(request, 'global')) {
      await edits.patchGlobal(request.body, await editorOf(request));
    }
    return OK;
  });
  app.post('/config/pathdefaults/patch', about('PATCH of the same name, for older clients'), async (request) => {
    if (isMeant(request, 'path')) {
      await edits.patchPathDefaults(request.body, await editorOf(request));
    }
    return OK;
  });
  const patch = about('PATCH of the same name, for older clients', { params: ConfigName });
  app.post('/config/paths/patch/*', patch, async (request) => {
    const name = nameOf(request);
    if (isMeant(request, 'path')) {
      await edits.patchPath(name, request.body, await editorOf(request));
    } else if (!config.paths().some((path) => path.name === name)) {
      throw new PerchError('notFound', 'path not found', { path: name });
    }
    return OK;
  });
  app.post('/config/reload', about('Read the configuration file again'), async () => {
    await edits.reload();
    return OK;
  });
};

function takeAnyBody(app: Parameters<FastifyPluginAsync>[0]): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: FastifyRequest, body: string | Buffer) => {
    try {
      return JSON.parse(body.toString());
    } catch {
      // Not JSON: it contains no settings.
      return undefined;
    }
  });
}
