import Type, { type Static } from 'typebox';
import { OrNull } from '../../../http/api/schema/schemas.ts';
import { FolderName, StoredRecorder, TransferItems } from '../../../recordings/copy/transfer-kind.ts';

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

export const RecorderRequest = Type.Object(
  {
    kind: Type.Literal('recorder'),
    recorder: StoredRecorder,
    items: TransferItems,
    since: Type.Optional(Type.String({ description: 'Only what was recorded from then on, RFC 3339.' })),
    until: Type.Optional(Type.String({ description: 'Only what was recorded before, RFC 3339.' })),
    maxBytesPerSecond: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Limit of the rate. Absent, 0 = 12 MB a second.' }),
    ),
  },
  { additionalProperties: false },
);
export type RecorderRequest = Static<typeof RecorderRequest>;
export const RecorderTargets = Type.Object({ items: Type.Array(Type.Object({ path: Type.String() })) });
export type RecorderTargets = Static<typeof RecorderTargets>;
export const RecorderLook = Type.Object({ recorder: StoredRecorder }, { additionalProperties: false });

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
  readonly recorder?: StoredRecorder;
  readonly items?: TransferItems;
  readonly [field: string]: unknown;
}
