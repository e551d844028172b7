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

const LeftOut = Type.Object({
  file: Type.String(),
  why: Type.String({
    description:
      'The reason in one word: noTime, otherCamera, future, old, busy, unreadable, damaged, foreign, unfinished, overlap or taken.',
  }),
  reason: Type.String({ description: 'The reason, for people.' }),
});

const TransferState = Type.Object({
  kind: OrNull(Type.Enum(['move', 'import', 'fetch'])),
  phase: Type.Enum(['idle', 'running', 'waiting', 'paused', 'done', 'failed', 'canceled'], {
    description: 'waiting: the transfer cannot continue now (`error` has the reason), and continues as soon as it can.',
  }),
  from: OrNull(
    Type.String({
      description:
        'For a move, the folder below which recordings are moved; null: all are. For an import, its folder. For a fetch, the box.',
    }),
  ),
  to: OrNull(Type.String({ description: 'Place where cameras without a recordPath of their own record.' })),
  files: Amount('Number of recordings.'),
  bytes: Amount('Size of these recordings.'),
  paths: Type.Array(Type.String(), { description: 'For an import, the paths whose recordings the files become.' }),
  bytesPerSecond: OrNull(Type.Integer({ description: 'Bytes per second over the last minute.' })),
  remainingSeconds: OrNull(Type.Integer()),
  current: OrNull(Type.String({ description: 'File that is being transferred.' })),
  error: OrNull(Type.String({ description: 'Why the transfer waits or failed, and what to do.' })),
  why: OrNull(
    Type.String({
      description:
        'The error in one word: full, away, readOnly, disk, path, boxAway, boxRefuses, boxFault, boxUnknown, boxOld or other.',
    }),
  ),
  leftOut: Type.Object(
    { count: Type.Integer(), items: Type.Array(LeftOut) },
    { description: 'Files that stay where they are, the first hundred of them by name.' },
  ),
  present: Type.Integer({
    description: 'Files of an import or fetch for whose times the path already has recordings.',
  }),
  started: OrNull(TimeText),
});
export type TransferState = Static<typeof TransferState>;

const MoveRequest = Type.Object(
  {
    kind: Type.Literal('move'),
    from: Type.Optional(Folder('Only recordings below this folder.')),
    to: Type.Optional(
      Folder(
        'Disk or folder, which first becomes the recordPath of pathDefaults. Absent: where the cameras record now.',
      ),
    ),
  },
  { additionalProperties: false },
);
const Items = Type.Array(
  Type.Object({
    group: Type.String({ maxLength: MAX_FOLDER, description: '`group` from `/v3/recordings/transfer/look`.' }),
    path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 240,
        description: 'Path whose recordings they become. Absent: that of name.',
      }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description:
          'Name of a new camera: its path is added, turned off, and keeps its recordings while there is room. If repeated for the same group, the camera that was added then.',
      }),
    ),
  }),
  { minItems: 1, maxItems: 64 },
);
const ImportRequest = Type.Object(
  { kind: Type.Literal('import'), from: Folder('Folder to import. Its files stay as they are.'), items: Items },
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
    maxBytesPerSecond: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Highest rate, in bytes per second. Absent: no limit.' }),
    ),
  },
  { additionalProperties: false },
);
const TransferRequest = Type.Union([MoveRequest, ImportRequest, FetchRequest]);
export type MoveRequest = Static<typeof MoveRequest>;
export type ImportRequest = Static<typeof ImportRequest>;
export type FetchRequest = Static<typeof FetchRequest>;
export type TransferRequest = Static<typeof TransferRequest>;

const Look = Type.Union([
  Type.Object({ from: Folder('Folder of another program.') }, { additionalProperties: false }),
  Type.Object({ box: Box }, { additionalProperties: false }),
]);
export type LookRequest = Static<typeof Look>;
const LookAnswer = Type.Object({
  groups: Type.Array(
    Type.Object({
      group: Type.String(),
      name: Type.String({ description: 'Name of the camera or folder. Empty: the files are in the folder itself.' }),
      program: Type.Enum(['frigate', 'mediamtx', 'perch', 'mp4', 'mpegts', 'unknown']),
      files: Type.Integer(),
      bytes: Type.Integer(),
      first: OrNull(TimeText),
      last: OrNull(TimeText),
    }),
  ),
  own: Type.Integer({ description: 'Number of files that already are recordings of this Perch.' }),
  leftOut: Type.Object({ count: Type.Integer(), items: Type.Array(LeftOut) }),
  isCut: Type.Boolean({ description: 'There are more files or groups.' }),
});
export type ImportForecast = Static<typeof LookAnswer>;

const Forecast = Type.Object({
  files: Type.Integer(),
  bytes: Type.Integer({ description: 'Bytes to be copied.' }),
  freeBytes: Type.Integer({
    description: 'Free space on the disk that they go to; if there are several, on the one with the least room.',
  }),
  keptFreeBytes: Type.Integer({ description: 'recordMinFree of that disk, in bytes.' }),
  missingBytes: Type.Integer({ description: 'Bytes for which there is no room. 0: everything fits.' }),
  old: Type.Integer({
    description: 'Number of files of an import that are left out, since the path deletes recordings of their age.',
  }),
});
export type TransferForecast = Static<typeof Forecast>;

const Folders = Type.Object({
  path: Type.String({ description: 'Path of the folder, with symbolic links resolved.' }),
  parent: OrNull(Type.String()),
  items: Type.Array(Type.Object({ name: Type.String(), path: Type.String() })),
  isCut: Type.Boolean({ description: 'There are more folders.' }),
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

/** Transfers of recordings from other disks, folders and boxes: for the owner, on the main port only. */
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
