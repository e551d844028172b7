import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random as randomFrom } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { ACCEPTED, boxNameOf, readSignature, type SignatureFields, signMessage } from './message-signature.ts';
import { digestOf, type ReceivedRequest, SignedRequests } from './signed-requests.ts';

const KEYS = generateKeyPairSync('ed25519');
const OTHER = generateKeyPairSync('ed25519');
const SERVER = 'AbCdEfGh-_123456';

/** A box, and the name that servers know it by. */
function open(box = boxNameOf('1a2b3c4d5e6f7a8b', 'key.A')) {
  const clock = new FakeClock();
  const keys = new Map<string, KeyObject>([[SERVER, KEYS.publicKey]]);
  const naming = new Set<string>();
  const servers = {
    keyOf: (id: string) => keys.get(id),
    namesBox: (id: string) => naming.has(id),
    noteNamesBox: (id: string) => void naming.add(id),
  };
  const requests = new SignedRequests(servers, (name) => name === box, clock);
  return { box, clock, keys, requests };
}

let count = 0;

function signed(
  { box: here, requests }: ReturnType<typeof open>,
  target = '/playback/list?path=door',
  more: Partial<SignatureFields> & {
    method?: string;
    body?: string;
    run?: string;
    box?: string | undefined;
    key?: KeyObject;
  } = {},
): ReceivedRequest {
  const { method = 'GET', body, run = requests.run, key = KEYS.privateKey, box, ...fields } = { box: here, ...more };
  const digest = body === undefined ? undefined : digestOf(Buffer.from(body));
  count += 1;
  const nonce = String(count).padStart(22, 'n');
  const all = { created: requests.timeS, expires: requests.timeS + 60, nonce, keyId: SERVER, ...fields };
  const headers = signMessage({ method, target, run, box, digest }, all, key);
  return { method, target, headers, hasBody: body !== undefined };
}

function whyOf(box: ReturnType<typeof open>, request: ReceivedRequest): unknown {
  try {
    box.requests.verify(request);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(PerchError);
    return (error as PerchError).context['why'] ?? (error as PerchError).code;
  }
}

test('a signed request is accepted once', () => {
  const box = open();
  const request = signed(box);
  expect(box.requests.verify(request)).toEqual({ server: SERVER, digest: undefined });
  expect(whyOf(box, request)).toBe('replayed');
});

test('the digest of a body is that of the signed one', () => {
  const box = open();
  const { digest } = box.requests.verify(signed(box, '/x', { method: 'POST', body: '{"a":1}' }));
  expect(digest).toBe(createHash('sha256').update('{"a":1}').digest('base64'));
});

test.for<[string, string, (request: ReceivedRequest, box: ReturnType<typeof open>) => ReceivedRequest]>([
  ['for another path', 'signature', (request) => ({ ...request, target: '/playback/list?path=yard' })],
  ['without its query', 'signature', (request) => ({ ...request, target: '/playback/list' })],
  ['with another method', 'signature', (request) => ({ ...request, method: 'DELETE' })],
  ['with a line break in the path', 'signature', (request) => ({ ...request, target: '/a\n"@query": ?' })],
  ['with a body', 'digest', (request) => ({ ...request, hasBody: true })],
  [
    'with another nonce',
    'signature',
    (request) => ({
      ...request,
      headers: {
        ...request.headers,
        'signature-input': String(request.headers['signature-input'])
          .replace(/nonce="."/, 'nonce="x')
          .replace('nnn', 'mmm'),
      },
    }),
  ],
  ['without a signature', 'form', (request) => ({ ...request, headers: { ...request.headers, signature: undefined } })],
  ['of an earlier run', 'run', (request) => ({ ...request, headers: { ...request.headers, 'perch-run': 'other' } })],
  ['by another key', 'signature', (_, box) => signed(box, '/a', { key: OTHER.privateKey })],
  ['by an unknown server', 'unknown', (_, box) => signed(box, '/a', { keyId: 'AbCdEfGh-_123457' })],
  ['that was signed for another run', 'run', (_, box) => signed(box, '/a', { run: 'another' })],
  ['for another box', 'box', (_, box) => signed(box, '/a', { box: boxNameOf('1a2b3c4d5e6f7a8c', 'key.A') })],
  ['for a box with another key', 'box', (_, box) => signed(box, '/a', { box: boxNameOf('1a2b3c4d5e6f7a8b', 'key.B') })],
  [
    'whose box was replaced',
    'signature',
    (_, box) => {
      const request = signed(box, '/a', { box: boxNameOf('1a2b3c4d5e6f7a8b', 'key.B') });
      return { ...request, headers: { ...request.headers, 'perch-box': box.box } };
    },
  ],
  [
    'whose box was taken away',
    'box',
    (request) => ({ ...request, headers: { ...request.headers, 'perch-box': undefined } }),
  ],
  ['of the future', 'expired', (_, box) => signed(box, '/a', { created: box.requests.timeS + 10 })],
  ['that is valid for more than 60 s', 'expired', (_, box) => signed(box, '/a', { expires: box.requests.timeS + 61 })],
  [
    'with another digest',
    'signature',
    (_, box) => {
      const request = signed(box, '/a', { method: 'POST', body: '{}' });
      return { ...request, headers: { ...request.headers, 'content-digest': digestOf(Buffer.from('{ }')) } };
    },
  ],
])('a request %s is rejected', ([, why, change]) => {
  const box = open();
  expect(whyOf(box, change(signed(box), box))).toBe(why);
});

test('a signature for one box is not accepted by another one with the same server, key and run', () => {
  const [house, shed] = [open(), open(boxNameOf('8b7a6f5e4d3c2b1a', 'key.A'))];
  Object.assign(shed.requests, { run: house.requests.run });
  expect(whyOf(shed, signed(house))).toBe('box');
  expect(whyOf(house, signed(house))).toBeUndefined();
});

test('signatures that name no box are accepted until the first one that names it', () => {
  const box = open();
  const former = () => signed(box, '/a', { box: undefined });
  expect([whyOf(box, former()), whyOf(box, former())]).toEqual([undefined, undefined]);
  expect(whyOf(box, signed(box, '/a', { key: OTHER.privateKey }))).toBe('signature');
  expect(whyOf(box, former())).toBeUndefined();
  expect(whyOf(box, signed(box))).toBeUndefined();
  expect(whyOf(box, former())).toBe('form');
});

test('a request expires, also while its nonce is remembered, and a wall clock that jumps back does not renew it', async () => {
  const box = open();
  const late = signed(box);
  await box.clock.advance(59_000);
  expect(
    whyOf(box, signed(box, '/a', { created: box.requests.timeS - 59, expires: box.requests.timeS + 1 })),
  ).toBeUndefined();
  await box.clock.advance(1_000);
  expect(whyOf(box, late)).toBe('expired');
  const used = signed(box);
  expect(whyOf(box, used)).toBeUndefined();
  await box.clock.advance(3_600_000);
  box.clock.wallMs = () => 0;
  expect(whyOf(box, used)).toBe('expired');
});

test('a revoked server is unknown at once', () => {
  const box = open();
  const request = signed(box);
  box.keys.delete(SERVER);
  box.requests.forget(SERVER);
  expect(whyOf(box, request)).toBe('unknown');
});

test('memory of nonces is bounded, and free again after a minute', async () => {
  const box = open();
  for (let i = 0; i < 20_000; i += 1) {
    box.requests.verify(signed(box));
  }
  expect(whyOf(box, signed(box))).toBe('exhausted');
  await box.clock.advance(66_000);
  expect(whyOf(box, signed(box))).toBeUndefined();
}, 300_000);

test('any change of the header fields is rejected, and nothing but PerchErrors is thrown', () => {
  const random = randomFrom(9421);
  const alphabet = '"();=:, abcxyz019-_@+/é\u0000';
  const box = open();
  for (let i = 0; i < byLength(1_000, 3_000); i += 1) {
    const request = signed(box, `/cam/${i}`);
    const field = random() < 0.7 ? 'signature-input' : 'signature';
    const text = String(request.headers[field]);
    const at = Math.floor(random() * text.length);
    const letter = alphabet[Math.floor(random() * alphabet.length)] ?? '';
    const changed = [
      () => text.slice(0, at),
      () => text.slice(0, at) + letter + text.slice(at),
      () => text.slice(0, at) + letter + text.slice(at + 1),
      () => text.slice(0, at) + text.slice(at + 1),
      () => text + text.slice(at),
    ][Math.floor(random() * 5)]?.();
    if (changed !== text) {
      expect([changed, whyOf(box, { ...request, headers: { ...request.headers, [field]: changed } })]).not.toEqual([
        changed,
        undefined,
      ]);
    }
  }
});

test('the request for a signature names all components', () => {
  const { parameters } = readSignature(
    signMessage(
      { method: 'GET', target: '/', run: 'r', box: 'b' },
      { created: 1, expires: 2, nonce: 'n'.repeat(22), keyId: 'k' },
      KEYS.privateKey,
    )['signature-input'],
    `perch=:${'A'.repeat(86)}==:`,
  );
  expect(ACCEPTED['accept-signature']).toContain(`perch=${parameters.split(';')[0]};`);
});

// RFC 9421 appendix B.1.4 has the key, and §2.5 the form of the base.
test('the signature is that of the RFC over its signature base', () => {
  const fields = { created: 1618884473, expires: 1618884533, nonce: 'b3k2pp5k7z-50gnwp', keyId: 'test-key-ed25519' };
  const headers = signMessage(
    { method: 'POST', target: '/foo?param=Value&Pet=dog', run: 'r1' },
    fields,
    KEYS.privateKey,
  );
  const { parameters, signature } = readSignature(headers['signature-input'], headers['signature']);
  const base = `"@method": POST
"@path": /foo
"@query": ?param=Value&Pet=dog
"perch-run": r1
"@signature-params": ("@method" "@path" "@query" "perch-run");created=1618884473;expires=1618884533;nonce="b3k2pp5k7z-50gnwp";keyid="test-key-ed25519";alg="ed25519";tag="perch"`;
  expect(parameters).toBe(base.split('"@signature-params": ')[1]);
  expect(signature).toEqual(sign(null, Buffer.from(base), KEYS.privateKey));
  expect(verify(null, Buffer.from(base), createPublicKey(KEYS.privateKey), signature)).toBe(true);
});
