import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore } from '../../messages/responses.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';

const MAX_BODY_BYTES = 16_384;
const MAX_FOLDER = 1_000;

const Folder = (description: string) => Type.String({ minLength: 1, maxLength: MAX_FOLDER, description });
const Amount = (description: string) => Type.Object({ done: Type.Integer(), total: Type.Integer() }, { description });

const MAX_ITEMS = 64;

const LeftOut = Type.Object({
  file: Type.String(),
  why: Type.String({
    description: 'noTime, otherCamera, future, old, busy, unreadable, damaged, foreign, unfinished, overlap or taken.',
  }),
  reason: Type.String({ description: 'For people.' }),
});

const TransferState = Type.Object({
  kind: OrNull(Type.Enum(['move', 'import', 'fetch'])),
  phase: Type.Enum(['idle', 'running', 'waiting', 'paused', 'done', 'failed', 'canceled'], {
    description: 'waiting: nothing can be done now (error says why), and it continues by itself.',
  }),
  from: OrNull(
    Type.String({
      description: 'Only recordings below this folder. Null: all. Of an import: its folder. Of a fetch: the box.',
    }),
  ),
  to: OrNull(Type.String({ description: 'Where cameras without a recordPath of their own record.' })),
  files: Amount('Recordings.'),
  bytes: Amount('Of these.'),
  paths: Type.Array(Type.String(), { description: 'Of an import: whose recordings the files become.' }),
  bytesPerSecond: OrNull(Type.Integer({ description: 'Of the last minute.' })),
  remainingSeconds: OrNull(Type.Integer()),
  current: OrNull(Type.String({ description: 'The present file.' })),
  error: OrNull(Type.String({ description: 'Why it waits or failed, and the way out.' })),
  why: OrNull(
    Type.String({
      description:
        'The same as a word: full, away, readOnly, disk, path, boxAway, boxRefuses, boxFault, boxUnknown, boxOld or other.',
    }),
  ),
  leftOut: Type.Object(
    { count: Type.Integer(), items: Type.Array(LeftOut) },
    { description: 'Files that stay where they are, the first hundred by name.' },
  ),
  present: Type.Integer({ description: 'Files of an import or fetch whose times the path has recordings of already.' }),
  started: OrNull(TimeText),
});
export type TransferState = Static<typeof TransferState>;

const MoveRequest = Type.Object(
  {
    kind: Type.Literal('move'),
    from: Type.Optional(Folder('Only recordings below this folder.')),
    to: Type.Optional(
      Folder('Disk or folder: becomes the recordPath of pathDefaults first. Absent: where the cameras record now.'),
    ),
  },
  { additionalProperties: false },
);
const Items = Type.Array(
  Type.Object({
    group: Type.String({ maxLength: MAX_FOLDER, description: 'Of the look.' }),
    path: Type.Optional(
      Type.String({ minLength: 1, maxLength: 240, description: 'Whose recordings they become. Absent: of name.' }),
    ),
    name: Type.Optional(
      Type.String({
        ...{ minLength: 1, maxLength: 100 },
        description:
          'Of a new camera: its path is added, turned off, and keeps its recordings while there is room. Repeated for the same group: the camera that was added then.',
      }),
    ),
  }),
  { minItems: 1, maxItems: MAX_ITEMS },
);
const ImportRequest = Type.Object(
  { kind: Type.Literal('import'), from: Folder('Its files stay as they are.'), items: Items },
  { additionalProperties: false },
);
const Box = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id of a paired box, which keeps its recordings.',
});
const FetchRequest = Type.Object(
  {
    kind: Type.Literal('fetch'),
    box: Box,
    items: Items,
    since: Type.Optional(TimeText),
    until: Type.Optional(TimeText),
    maxBytesPerSecond: Type.Optional(Type.Integer({ minimum: 1, description: 'Absent: no limit.' })),
  },
  { additionalProperties: false },
);
const TransferRequest = Type.Union([MoveRequest, ImportRequest, FetchRequest]);
export type MoveRequest = Static<typeof MoveRequest>;
export type ImportRequest = Static<typeof ImportRequest>;
export type FetchRequest = Static<typeof FetchRequest>;
export type TransferRequest = Static<typeof TransferRequest>;

const Look = Type.Union([
  Type.Object({ from: Folder('Of another program.') }, { additionalProperties: false }),
  Type.Object({ box: Box }, { additionalProperties: false }),
]);
export type LookRequest = Static<typeof Look>;
const LookAnswer = Type.Object({
  groups: Type.Array(
    Type.Object({
      group: Type.String(),
      name: Type.String({ description: 'Of the camera or folder. Empty: the files are in the folder itself.' }),
      program: Type.Enum(['frigate', 'mediamtx', 'perch', 'mp4', 'mpegts', 'unknown']),
      files: Type.Integer(),
      bytes: Type.Integer(),
      first: OrNull(TimeText),
      last: OrNull(TimeText),
    }),
  ),
  own: Type.Integer({ description: 'Files that are recordings of this Perch already.' }),
  leftOut: Type.Object({ count: Type.Integer(), items: Type.Array(LeftOut) }),
  isCut: Type.Boolean({ description: 'It has more files or groups.' }),
});
export type ImportForecast = Static<typeof LookAnswer>;

const Forecast = Type.Object({
  files: Type.Integer(),
  bytes: Type.Integer({ description: 'To be copied.' }),
  freeBytes: Type.Integer({ description: 'Of the disk that they go to; of several, of the one with the least room.' }),
  keptFreeBytes: Type.Integer({ description: 'recordMinFree of that disk.' }),
  missingBytes: Type.Integer({ description: 'Room that is missing. 0: everything fits.' }),
  old: Type.Integer({ description: 'Files of an import that are left out: the path deletes recordings of their age.' }),
});
export type TransferForecast = Static<typeof Forecast>;

const Folders = Type.Object({
  path: Type.String({ description: 'Without links.' }),
  parent: OrNull(Type.String()),
  items: Type.Array(Type.Object({ name: Type.String(), path: Type.String() })),
  isCut: Type.Boolean({ description: 'It has more folders.' }),
  freeBytes: Type.Integer(),
  totalBytes: Type.Integer(),
  writable: Type.Boolean(),
});
export type FolderList = Static<typeof Folders>;

export interface TransferControl {
  readonly state: TransferState;
  /** @throws PerchError conflict while another one is not over, badInput */
  start(request: TransferRequest): Promise<void>;
  foresee(request: TransferRequest): Promise<TransferForecast>;
  /** What a folder or a box has. @throws PerchError notFound, badInput, unavailable */
  look(request: LookRequest): Promise<ImportForecast>;
  /** @throws PerchError conflict if there is none to pause */
  pause(): Promise<void>;
  resume(): Promise<void>;
  cancel(): Promise<void>;
  /** @throws PerchError notFound, badInput */
  folders(path: string): Promise<FolderList>;
}

interface TransferRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly transfer: TransferControl;
}

/** Recordings to another disk: for the owner, on the main port only. */
export const transferRoutes: FastifyPluginAsync<TransferRoutesOptions> = async (app, { access, transfer }) => {
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  noStore(app);
  const state = operation('recordings', 'The transfer of recordings, for the owner', answers(TransferState));
  app.get('/v3/recordings/transfer', { schema: state }, async () => transfer.state);
  const start = operation(
    'recordings',
    'Move recordings to another disk, import those of another program, or fetch those of a paired box, while recording continues, for the owner',
    answers(TransferState, 400, 404, 409, 413),
    { body: TransferRequest },
  );
  app.post('/v3/recordings/transfer', { bodyLimit: MAX_BODY_BYTES, schema: start }, async ({ body }) => {
    await transfer.start(checkedBody(TransferRequest, body));
    return transfer.state;
  });
  const foresee = operation(
    'recordings',
    'What a transfer would do, for the owner',
    answers(Forecast, 400, 404, 413, 503),
    {
      body: TransferRequest,
    },
  );
  app.post('/v3/recordings/transfer/foresee', { bodyLimit: MAX_BODY_BYTES, schema: foresee }, async ({ body }) =>
    transfer.foresee(checkedBody(TransferRequest, body)),
  );
  const look = operation(
    'recordings',
    'What a folder or a paired box has, by camera, for the owner',
    answers(LookAnswer, 400, 404, 413, 503),
    { body: Look },
  );
  app.post('/v3/recordings/transfer/look', { bodyLimit: MAX_BODY_BYTES, schema: look }, async ({ body }) =>
    transfer.look(checkedBody(Look, body)),
  );
  const steps = { pause: 'Pause', resume: 'Continue', cancel: 'End' } as const;
  for (const step of ['pause', 'resume', 'cancel'] as const) {
    const text = `${steps[step]} the transfer of recordings; the present file is finished or stays, for the owner`;
    app.post(
      `/v3/recordings/transfer/${step}`,
      { bodyLimit: MAX_BODY_BYTES, schema: operation('recordings', text, answers(TransferState, 409)) },
      async () => {
        await transfer[step]();
        return transfer.state;
      },
    );
  }
  const folders = operation(
    'recordings',
    'Folders below a folder of the box, for the owner',
    answers(Folders, 400, 404),
    {
      querystring: Type.Object({ path: Type.String() }),
    },
  );
  app.get<{ Querystring: { path?: unknown } }>('/v3/disks/folders', { schema: folders }, ({ query }) =>
    transfer.folders(typeof query.path === 'string' ? query.path : ''),
  );
};
