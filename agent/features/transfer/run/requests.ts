import Type, { type Static } from 'typebox';
import { OrNull, TimeText } from '../../../http/api/schema/schemas.ts';
import { FolderName, LeftOutFiles, TransferItems } from '../../../recordings/copy/transfer-kind.ts';

const Amount = (description: string) => Type.Object({ done: Type.Integer(), total: Type.Integer() }, { description });

export const TransferState = Type.Object({
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
  leftOut: Type.Object(LeftOutFiles.properties, {
    description: 'Files that stay where they are, the first hundred of them by name.',
  }),
  present: Type.Integer({
    description: 'Files of an import or fetch for whose times the path already has recordings.',
  }),
  started: OrNull(TimeText),
});
export type TransferState = Static<typeof TransferState>;

export const MoveRequest = Type.Object(
  {
    kind: Type.Literal('move'),
    from: Type.Optional(FolderName('Only recordings below this folder.')),
    to: Type.Optional(
      FolderName(
        'Disk or folder, which first becomes the recordPath of pathDefaults. Absent: where the cameras record now.',
      ),
    ),
  },
  { additionalProperties: false },
);
export type MoveRequest = Static<typeof MoveRequest>;

export const ImportRequest = Type.Object(
  {
    kind: Type.Literal('import'),
    from: FolderName('Folder to import. Its files stay as they are.'),
    items: TransferItems,
  },
  { additionalProperties: false },
);
export type ImportRequest = Static<typeof ImportRequest>;
export const FolderLook = Type.Object(
  { from: FolderName('Folder of another program.') },
  { additionalProperties: false },
);

export const Folders = Type.Object({
  path: Type.String({ description: 'Path of the folder, with symbolic links resolved.' }),
  parent: OrNull(Type.String()),
  items: Type.Array(Type.Object({ name: Type.String(), path: Type.String() })),
  isCut: Type.Boolean({ description: 'There are more folders.' }),
  freeBytes: Type.Integer(),
  totalBytes: Type.Integer(),
  writable: Type.Boolean(),
});
export type FolderList = Static<typeof Folders>;

/** A request, whose other fields are those of its kind. */
export interface TransferRequest {
  readonly kind: string;
  readonly box?: string;
  readonly from?: string;
  readonly items?: TransferItems;
  readonly [field: string]: unknown;
}
