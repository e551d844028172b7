import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { MemoryFile } from '../../../test/support/disks/memory-file.ts';
import { parseFragment } from '../../media/mp4/read/read.ts';
import { CHECKSUM_BOX_BYTES } from '../../media/mp4/write/checksum-box.ts';
import { writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { ChecksumReader, writeFragmentChecksum } from './fragment-checksum.ts';
import type { PlacedFragment } from './fragment-walk.ts';

const next = random(3);
const data = Uint8Array.from({ length: 900 }, () => next() * 256);
const run = {
  trackId: 1,
  baseTime: 5_000,
  count: 2,
  sizeOf: (i: number) => [600, 300][i] ?? 0,
  durationOf: () => 40,
  compositionOffsetOf: () => 0,
  isSync: (i: number) => i === 0,
};

function withChecksum(): Uint8Array {
  const pieces = [writeFragmentHeader(77, [run], CHECKSUM_BOX_BYTES), data.subarray(0, 600), data.subarray(600)];
  writeFragmentChecksum(pieces);
  return Buffer.concat(pieces);
}

/** The fragment after 100 bytes of something else. */
function placed(bytes: Uint8Array): { file: MemoryFile; fragment: PlacedFragment } {
  const file = new MemoryFile(Buffer.concat([Buffer.alloc(100), bytes]));
  const fragment = parseFragment(bytes);
  if (!fragment) {
    throw new Error('the test has made no fragment');
  }
  return { file, fragment: { offset: 100, fragment, moof: bytes.subarray(0, fragment.moofBytes) } };
}

test('a fragment with a checksum is read like one without, and is verified', async () => {
  const { file, fragment } = placed(withChecksum());
  expect(fragment.fragment).toMatchObject({ sequence: 77, sizeBytes: withChecksum().length });
  expect(fragment.fragment.runs[0]).toMatchObject({ trackId: 1, baseTime: 5_000, count: 2, sizeBytes: 900 });
  expect(await new ChecksumReader(file).isWhole(fragment)).toBe(true);
});

test('the checksum detects any flipped bit', async () => {
  const whole = placed(withChecksum());
  for (let at = 0; at < withChecksum().length; at += 1) {
    const bytes = withChecksum();
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    const file = new MemoryFile(Buffer.concat([Buffer.alloc(100), bytes]));
    const moof = bytes.subarray(0, whole.fragment.fragment.moofBytes);
    const isWhole = await new ChecksumReader(file).isWhole({ ...whole.fragment, moof });
    expect(isWhole ? `byte ${at}` : '').toBe('');
  }
});

test('a fragment without a checksum, or a truncated one, is not verified', async () => {
  const bare = Buffer.concat([writeFragmentHeader(77, [run]), data]);
  const { file, fragment } = placed(bare);
  expect(await new ChecksumReader(file).isWhole(fragment)).toBe(false);
  const cut = placed(withChecksum());
  cut.file.sizeBytes -= 1;
  expect(await new ChecksumReader(cut.file).isWhole(cut.fragment)).toBe(false);
});
