import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PacketMemory, SLOT_BYTES } from '../../../native/packet-memory.ts';
import { HmacLanes } from './hmac/hmac-lanes.ts';
import { createSrtpSigner, LaneSigner, NodeSigner, type SrtpSigner } from './srtp-signer.ts';

const KEY = Uint8Array.from({ length: 20 }, (_, i) => 11 * i);
const next = random(13);
const pick = (limit: number): number => Math.floor(next() * limit);

/** Signs packets of these lengths as one batch, and returns all bytes of their slots. */
function signed(signer: SrtpSigner, lengths: readonly number[], rollOverCounter: number): Buffer[] {
  const memory = new PacketMemory(16);
  const places = lengths.map((length, i) => {
    const slot = SLOT_BYTES * i;
    memory.bytes.fill(17 * i + length, slot, slot + length);
    signer.add(memory, slot, length, rollOverCounter);
    return slot;
  });
  signer.finish(memory);
  return places.map((slot, i) => Buffer.from(memory.bytes.slice(slot, slot + (lengths[i] ?? 0) + 10)));
}

test('four at a time or one at a time, the tags are the same', () => {
  const lanes = new LaneSigner(HmacLanes.create() as HmacLanes, KEY);
  const plain = new NodeSigner(KEY);
  for (let round = 0; round < 300; round += 1) {
    const lengths = Array.from({ length: pick(10) }, () => (next() < 0.5 ? 1_200 : 12 + pick(1_189)));
    const rollOverCounter = pick(2 ** 32);
    expect(signed(lanes, lengths, rollOverCounter)).toEqual(signed(plain, lengths, rollOverCounter));
  }
});

test.for([
  ['alone and long', [1_200]],
  ['alone and short', [172]],
  ['none at all', []],
] as const)('a batch with a packet %s', ([, lengths]) => {
  const lanes = new LaneSigner(HmacLanes.create() as HmacLanes, KEY);
  expect(signed(lanes, lengths, 3)).toEqual(signed(new NodeSigner(KEY), lengths, 3));
});

test('signers take turns without disturbing each other', () => {
  const [a, b] = [createSrtpSigner(KEY), createSrtpSigner(KEY.map((byte) => byte + 1))];
  const lengths = [1_200, 1_200, 700];
  const alone = signed(a, lengths, 0);
  expect(signed(b, lengths, 0)).not.toEqual(alone);
  expect(signed(a, lengths, 0)).toEqual(alone);
  expect(a).toBeInstanceOf(LaneSigner);
});
