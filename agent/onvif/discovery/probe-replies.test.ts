import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { silentLogger } from '../../base/log.ts';
import type { FoundCamera } from './found-camera.ts';
import { ProbeReplies } from './probe-replies.ts';

const FROM = { address: '192.168.1.2', networks: [{ address: '192.168.1.2', prefixBits: 24 }] };
const RESPONDER = '192.168.1.50';
const bytes = (text: string) => new TextEncoder().encode(text);
const answer = (i: number, xaddrs = 'http://192.168.1.66/onvif/a http://user:pass@10.0.0.1:81/onvif/b') =>
  `<e:Envelope xmlns:e="e"><e:Header><RelatesTo>id</RelatesTo></e:Header><e:Body><ProbeMatches><ProbeMatch>` +
  `<EndpointReference><Address>urn:uuid:${i}</Address></EndpointReference><Types>dn:NetworkVideoTransmitter</Types>` +
  `<Scopes>onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/X%2F1</Scopes>` +
  `<XAddrs>${xaddrs}</XAddrs></ProbeMatch></ProbeMatches></e:Body></e:Envelope>`;

function openIntake() {
  const found: FoundCamera[] = [];
  const replies = new ProbeReplies((camera) => found.push(camera));
  replies.asked('id');
  return { found, replies };
}

test("for any reply of the local network, the camera is at the reply's source; nothing is thrown", () => {
  const next = random(12);
  const whole = bytes(answer(1));
  for (let i = 0; i < 4_000; i += 1) {
    const { found, replies } = openIntake();
    replies.receive(mutate(whole, next), RESPONDER, FROM);
    for (const { url, name } of found) {
      expect(new URL(url).hostname).toBe(RESPONDER);
      expect(new URL(url).username).toBe('');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(name ?? '').not.toMatch(/[\u0000-\u001f]/);
    }
  }
});

test("a reply to another client's probe is ignored, one without a probe is accepted", () => {
  const { found, replies } = openIntake();
  replies.receive(bytes(answer(1).replace('>id<', '>another<')), RESPONDER, FROM);
  expect(found).toEqual([]);
  replies.receive(bytes(answer(1).replace('<RelatesTo>id</RelatesTo>', '')), RESPONDER, FROM);
  expect(found).toHaveLength(1);
});

test('a camera of this machine itself is dropped and reported', () => {
  const found: FoundCamera[] = [];
  const dropped: string[] = [];
  const replies = new ProbeReplies(
    (camera) => found.push(camera),
    (address) => dropped.push(address),
  );
  replies.asked('id');
  replies.receive(bytes(answer(1)), '127.0.0.5', FROM);
  replies.receive(bytes(answer(2)), '8.8.8.8', FROM);
  expect(found).toEqual([]);
  expect(dropped).toEqual(['127.0.0.5']);
});

test('one that floods leaves room for the others', () => {
  const { found, replies } = openIntake();
  for (let i = 0; i < 2_000; i += 1) {
    replies.receive(bytes(answer(i % 3)), RESPONDER, FROM);
  }
  replies.receive(bytes(answer(9)), '192.168.1.51', FROM);
  expect(found.map(({ address }) => address)).toEqual([RESPONDER, RESPONDER, RESPONDER, '192.168.1.51']);
});

test('a device that floods replies takes no room from others', () => {
  const { found, replies } = openIntake();
  for (let i = 0; i < 9_000; i += 1) {
    replies.receive(bytes(''), RESPONDER, FROM);
  }
  replies.receive(bytes(answer(9)), '192.168.1.51', FROM);
  expect(found).toHaveLength(1);
});

test('two megabytes are read from one sender of large datagrams, and the others are read too', () => {
  const { found, replies } = openIntake();
  const padding = `<!--${'-a'.repeat(30_000)}-->`;
  for (let i = 0; i < 80; i += 1) {
    replies.receive(bytes(answer(i).replace('<e:Body>', `<e:Body>${padding}`)), RESPONDER, FROM);
  }
  expect(found).toHaveLength(34);
  replies.receive(bytes(answer(99)), '192.168.1.51', FROM);
  expect(found).toHaveLength(35);
});

test('one that says it is a thousand cameras is a hundred, and the others are found', () => {
  const { found, replies } = openIntake();
  for (let i = 0; i < 1_000; i += 1) {
    replies.receive(bytes(answer(i)), RESPONDER, FROM);
  }
  replies.receive(bytes(answer(1_001)), '192.168.1.51', FROM);
  expect(found.filter(({ address }) => address === RESPONDER)).toHaveLength(128);
  expect(found.at(-1)?.address).toBe('192.168.1.51');
});

test('at most 512 devices are accepted in all', () => {
  const { found, replies } = openIntake();
  for (let i = 0; i < 600; i += 1) {
    replies.receive(bytes(answer(i)), `192.168.1.${50 + (i % 6)}`, FROM);
  }
  expect(found).toHaveLength(512);
});

test('replies from the internet are ignored', () => {
  const { found, replies } = openIntake();
  replies.receive(bytes(answer(1)), '93.184.216.34', FROM);
  replies.receive(bytes(answer(2)), '93.184.216.34', {
    address: '',
    networks: [{ address: '93.184.216.9', prefixBits: 24 }],
  });
  expect(found.map(({ endpoint }) => endpoint)).toEqual(['urn:uuid:2']);
});

test('a datagram above 64 KiB, one with a document type and one that is nothing are counted and left', () => {
  const { found, replies } = openIntake();
  const lines: object[] = [];
  const huge = answer(1).replace('<e:Body>', `<e:Body><!--${' '.repeat(70_000)}-->`);
  for (const text of [huge, `<!DOCTYPE a [<!ENTITY b "c">]>${answer(1)}`, '', '\u0000\u0001']) {
    replies.receive(bytes(text), RESPONDER, FROM);
  }
  replies.logRefusals(Object.assign(Object.create(silentLogger), { debug: (fields: object) => lines.push(fields) }));
  expect(found).toEqual([]);
  expect(lines).toEqual([{ datagrams: 4, error: expect.any(String) }]);
});
