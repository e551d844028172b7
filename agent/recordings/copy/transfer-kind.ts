import Type, { type Static, type TObject } from 'typebox';
import { OrNull, TimeText } from '../../http/api/schema/schemas.ts';
import type { ImportPace } from './copy-file.ts';
import type { LeftFile } from './left-file.ts';
import type { RecordingList } from './recording-list.ts';

const MAX_NAME_CHARS = 1_000;

/** Field of a request. */
export const FolderName = (description: string) =>
  Type.String({ minLength: 1, maxLength: MAX_NAME_CHARS, description });

export const TransferItems = Type.Array(
  Type.Object({
    group: Type.String({ maxLength: MAX_NAME_CHARS, description: '`group` from `/v3/recordings/transfer/look`.' }),
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
export type TransferItems = Static<typeof TransferItems>;

const LeftOut = Type.Object({
  file: Type.String(),
  why: Type.Unsafe<LeftFile['why']>(
    Type.String({
      description:
        'The reason in one word: noTime, otherCamera, future, old, busy, unreadable, damaged, foreign, unfinished, overlap, tooLarge, clockSet or taken.',
    }),
  ),
  reason: Type.String({ description: 'The reason, for people.' }),
});
/** Files that stay where they are. */
const LeftOutFiles = Type.Object({ count: Type.Integer(), items: Type.Array(LeftOut) });

export const ImportForecast = Type.Object({
  groups: Type.Array(
    Type.Object({
      group: Type.String(),
      name: Type.String({ description: 'Name of the camera or folder. Empty: the files are in the folder itself.' }),
      program: Type.Enum(['frigate', 'mediamtx', 'perch', 'mp4', 'mpegts', 'onvif', 'unknown']),
      files: Type.Integer(),
      bytes: Type.Integer(),
      first: OrNull(TimeText),
      last: OrNull(TimeText),
      days: Type.Optional(
        Type.Integer({
          description: 'Of a recorder: number of days (UTC) that it has recordings of. `bytes` is unknown: 0.',
        }),
      ),
    }),
  ),
  own: Type.Integer({ description: 'Number of files that already are recordings of this Perch.' }),
  leftOut: LeftOutFiles,
  isCut: Type.Boolean({
    description: 'There are more files or groups; of a recorder also older recordings than were listed.',
  }),
  zoneMs: Type.Optional(
    Type.Integer({
      description:
        'Of a recorder: its times minus ours, in milliseconds, which is taken off: it states local time as UTC, or is a camera of this Perch whose clock is off.',
    }),
  ),
});
/** What a folder, a box or a recorder has. */
export type ImportForecast = Static<typeof ImportForecast>;

export const TransferForecast = Type.Object({
  files: Type.Integer(),
  bytes: Type.Integer({ description: 'Bytes to be copied.' }),
  freeBytes: Type.Integer({
    description: 'Free space on the disk that they go to; if there are several, on the one with the least room.',
  }),
  keptFreeBytes: Type.Integer({ description: 'recordMinFree of that disk, in bytes.' }),
  missingBytes: Type.Integer({ description: 'Bytes for which there is no room. 0: everything fits.' }),
  old: Type.Integer({
    description:
      'Number of files of an import, or of half hours of a recorder, that are left out, since the path deletes recordings of their age.',
  }),
  seconds: Type.Optional(
    Type.Integer({
      description: 'Of a recorder: seconds of recordings that are missing here. `bytes` is an estimate.',
    }),
  ),
  remainingSeconds: Type.Optional(
    Type.Integer({ description: 'Of a recorder: about how long it takes, by what it has just sent.' }),
  ),
});
export type TransferForecast = Static<typeof TransferForecast>;

const Amount = (description: string) => Type.Object({ done: Type.Integer(), total: Type.Integer() }, { description });

export const TransferState = Type.Object({
  kind: OrNull(Type.String()),
  phase: Type.Enum(['idle', 'running', 'waiting', 'paused', 'done', 'failed', 'canceled'], {
    description: 'waiting: the transfer cannot continue now (`error` has the reason), and continues as soon as it can.',
  }),
  from: OrNull(
    Type.String({
      description:
        'For a move, the folder below which recordings are moved; null: all are. For an import, its folder. For a fetch, the box. For a recorder, its address or camera, without the login.',
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
  leftOut: Type.Object(LeftOutFiles.properties, {
    description: 'Files that stay where they are, the first hundred of them by name.',
  }),
  channels: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String(),
        name: Type.String({ description: 'Name of the channel.' }),
        doneSeconds: Type.Integer(),
        totalSeconds: Type.Integer({ description: 'Seconds that were missing when the import began.' }),
      }),
      { description: 'Of a recorder, once it has answered. `files` are half hours.' },
    ),
  ),
  present: Type.Integer({
    description: 'Files of an import or fetch for whose times the path already has recordings.',
  }),
  started: OrNull(TimeText),
});
export type TransferState = Static<typeof TransferState>;

/** An ONVIF recorder, or a camera with a card. */
export const StoredRecorder = Type.Object(
  {
    camera: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 240,
        description: 'Path of a camera of this Perch, whose login is used.',
      }),
    ),
    address: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 500,
        description:
          'Otherwise: `192.168.1.9`, `192.168.1.9:8000` or the URL of its ONVIF device service. No other host is dialled.',
      }),
    ),
    user: Type.Optional(Type.String({ maxLength: 200 })),
    password: Type.Optional(
      Type.String({ maxLength: 200, description: 'Stored until the import is over or canceled. No answer has it.' }),
    ),
  },
  { additionalProperties: false },
);
export type StoredRecorder = Static<typeof StoredRecorder>;

/** A transfer that is not over. */
export const StoredTransfer = Type.Object({
  version: Type.Literal(1),
  kind: Type.String(),
  box: Type.Optional(Type.String()),
  sinceUs: Type.Optional(Type.Number()),
  untilUs: Type.Optional(Type.Number()),
  maxBytesPerSecond: Type.Optional(Type.Integer()),
  from: Type.Optional(Type.String()),
  recorder: Type.Optional(StoredRecorder),
  zoneMs: Type.Optional(Type.Number()),
  items: Type.Optional(Type.Array(Type.Object({ group: Type.String(), path: Type.String() }))),
  isPaused: Type.Boolean(),
  startedMs: Type.Number(),
  doneFiles: Type.Integer(),
  doneBytes: Type.Integer(),
  present: Type.Optional(Type.Integer()),
  leftOut: Type.Optional(LeftOutFiles),
  memory: Type.Record(Type.String(), Type.Unknown()),
});
export type StoredTransfer = Static<typeof StoredTransfer>;
type StoredSource = Pick<
  StoredTransfer,
  'box' | 'sinceUs' | 'untilUs' | 'maxBytesPerSecond' | 'from' | 'recorder' | 'zoneMs'
>;

/** A way in which recordings come to the disks of this box. */
export interface TransferKind {
  readonly kind: string;
  /** Body of a request, with its `kind`. */
  readonly request: TObject;
  /** Body of a request for what there is. */
  readonly look?: TObject;
  /** Loaded with the first use. */
  load(): Promise<TransferSource>;
}

export interface TransferSource {
  /** Prepares a transfer. @returns what is stored of the request @throws PerchError */
  begin(request: object, signal: AbortSignal): Promise<StoredSource>;
  /** @throws PerchError notFound, badInput, unavailable */
  look?(request: object, signal: AbortSignal): Promise<ImportForecast>;
  /** @param request whose items have the paths of cameras that were added */
  forecast(request: object, signal: AbortSignal): Promise<TransferForecast>;
  /** What is copied; of what does not come as files, the work. */
  list(stored: Omit<StoredTransfer, 'version' | 'kind'>): RecordingList | TransferJob;
  /** Where recordings come from and go to, for people. Default: `from`, and nothing. */
  places?(stored: StoredSource): { readonly from: string | null; readonly to: string | null };
}

/** The work of a transfer, which continues with its memory. */
export interface TransferJob {
  readonly memory: object;
  readonly channels?: TransferState['channels'];
  /** @throws PerchError while it cannot go on, after which it is called again; the reason of the signal */
  run(report: JobReport, pace: ImportPace): Promise<void>;
  /** Removes what is not complete. */
  discard(): Promise<void>;
}

/** What a copier reports while it works. */
export interface JobReport {
  /** Reports what is still to be done. */
  left(files: number, bytes: number): void;
  /** Files that were left out are tried again. */
  forgetLeftOut(): void;
  /** Begins a file. If the same file was begun before, its earlier bytes no longer count. */
  begin(name: string): void;
  bytes(count: number): void;
  done(sizeBytes: number): void;
  /** The path has recordings of the times of the present file. */
  isPresent(): void;
  leftOut(file: LeftFile): void;
  /** Stores the memory with which a later copier continues. Once this resolves, it survives a power cut. */
  keep(memory: object): Promise<void>;
}
