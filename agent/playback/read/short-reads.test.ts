import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { readRecordingHead } from '../../record/file/recording-file.ts';
import { readRecordingTable } from '../../record/file/recording-table.ts';
import { diskFs, type ReadableFile, type SegmentFs } from '../../record/file/segment-fs.ts';
import { findTsParts } from '../../record/mpegts/ts-parts.ts';
import { readTsHead } from '../../record/mpegts/ts-recording-file.ts';
import { recoverFile } from '../../record/recovery/recovery.ts';
import { readTsTable } from '../mpegts/ts-table.ts';

/** A file of a network disk, which gives a part of what is asked for. */
const shortly = <T extends ReadableFile>(handle: T): T =>
  new Proxy(handle, {
    get: (_handle, key) => {
      if (key === 'read') {
        return (buffer: Uint8Array, offset: number, length: number, position: number) =>
          handle.read(buffer, offset, Math.min(length, 101), position);
      }
      const value = Reflect.get(handle, key, handle);
      return typeof value === 'function' ? value.bind(handle) : value;
    },
  });

const shortFs: SegmentFs = { ...diskFs, open: async (file, mode) => shortly(await diskFs.open(file, mode)) };

test.for(['fmp4', 'mpegts'] as const)(
  'a %s recording is the same whether its disk reads it at once or not',
  async (format) => {
    using folder = temporaryFolder();
    const [file = ''] = await record(folder.path, 4, { format });
    await using handle = await open(file);
    const facts = async (read: ReadableFile) => {
      if (format === 'fmp4') {
        const head = await readRecordingHead(read);
        return { head, table: (await readRecordingTable(read, head)).table };
      }
      const head = await readTsHead(read);
      const parts = await findTsParts(read, head.sizeBytes, head.fileMark?.firstSequence ?? 0);
      return { head, spans: parts.spans, table: (await readTsTable(read)).table };
    };
    expect(await facts(shortly(handle))).toEqual(await facts(handle));
  },
);

test.for(['fmp4', 'mpegts'] as const)(
  'a %s recording is recovered whole from a disk that reads little at once',
  async (format) => {
    using folder = temporaryFolder();
    const [file = ''] = await record(folder.path, 4, { format });
    const left = readFileSync(file).subarray(0, -1);
    const recovered = [];
    for (const fs of [diskFs, shortFs]) {
      writeFileSync(file, left);
      recovered.push([await recoverFile(file, Date.now() + 3_600_000, fs), readFileSync(file)]);
    }
    expect(recovered[1]).toEqual(recovered[0]);
    expect(recovered[0]?.[0]).toMatchObject({ kind: 'recovered' });
  },
);
