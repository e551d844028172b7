import { expect, test } from 'vitest';
import { classes, Message, methods, parseMessage } from 'werift';
import { random } from '../../../../test/support/base/random.ts';
import { hasIntegrity, parseBindingRequest, writeBindingSuccess, writeUnknownAttributes } from './stun.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** RFC 5769 §2.1, the sample request; password `VOkJxbRl1RmTxUk/WvJxBt`. */
const SAMPLE = hex(`
  0001 0058 2112a442 b7e7a701bc34d686fa87dfae
  8022 0010 5354554e207465737420636c69656e74
  0024 0004 6e0001ff
  8029 0008 932ff9b151263b36
  0006 0009 6576746a3a683676592020 20
  0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
  8028 0004 e57a3bcf`);
const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt';

/** As browsers make them. */
function check(username: string, password: string, useCandidate: boolean): Buffer {
  const message = new Message(methods.BINDING, classes.REQUEST);
  message.setAttribute('USERNAME', username).setAttribute('PRIORITY', 1).setAttribute('ICE-CONTROLLING', 7n);
  if (useCandidate) {
    message.setAttribute('USE-CANDIDATE', null);
  }
  return message.addMessageIntegrity(Buffer.from(password)).addFingerprint().bytes;
}

test("the standard's sample request is read and its integrity verified", () => {
  const request = parseBindingRequest(SAMPLE);
  expect(request).toMatchObject({ username: 'evtj:h6vY', useCandidate: false, unknown: [] });
  expect(request && hasIntegrity(SAMPLE, request, PASSWORD)).toBe(true);
  expect(request && hasIntegrity(SAMPLE, request, 'another password')).toBe(false);
});

test('a check of another implementation is read, nomination included', () => {
  const datagram = check('ours:theirs', 'secret', true);
  const request = parseBindingRequest(datagram);
  expect(request).toMatchObject({ username: 'ours:theirs', useCandidate: true, unknown: [] });
  expect(request && hasIntegrity(datagram, request, 'secret')).toBe(true);
});

test('a nomination after MESSAGE-INTEGRITY is ignored', () => {
  const signed = check('a:b', 'secret', false).subarray(0, -8);
  const forged = Buffer.concat([signed, hex('0025 0000')]);
  forged.writeUInt16BE(forged.length - 20, 2);
  const request = parseBindingRequest(forged);
  expect(request).toMatchObject({ useCandidate: false });
});

test('a check without MESSAGE-INTEGRITY is read without it', () => {
  const message = new Message(methods.BINDING, classes.REQUEST);
  const datagram = message.setAttribute('USERNAME', 'a:b').addFingerprint().bytes;
  const request = parseBindingRequest(datagram);
  expect(request && hasIntegrity(datagram, request, '')).toBe(false);
});

test.for([
  ['a response', '0101 0000 2112a442 000000000000000000000000'],
  ['a wrong cookie', '0001 0000 2112a443 000000000000000000000000'],
  ['a length beyond the datagram', '0001 0008 2112a442 000000000000000000000000 00060000'],
  ['an attribute beyond the datagram', '0001 0004 2112a442 000000000000000000000000 00060004'],
  ['no user name', '0001 0000 2112a442 000000000000000000000000'],
  ['nothing', ''],
] as const)('%s is rejected', ([, bytes]) => {
  expect(parseBindingRequest(hex(bytes))).toBeUndefined();
});

test.for([
  ['192.0.2.1', 32_853],
  ['2001:db8:1234:5678:11:2233:4455:6677', 32_853],
  ['::1', 50_000],
  ['::ffff:192.0.2.7', 1],
] as const)('another implementation reads the answer to %s', ([address, port]) => {
  const id = hex('b7e7a701bc34d686fa87dfae');
  const answer = Buffer.from(writeBindingSuccess(id, address, port, PASSWORD));
  const message = parseMessage(answer, Buffer.from(PASSWORD));
  expect(message?.messageClass).toBe(classes.RESPONSE);
  expect(message?.transactionId.toString('hex')).toBe(id.toString('hex'));
  const [ip, seen]: [string, number] = message?.getAttributeValue('XOR-MAPPED-ADDRESS') ?? ['', 0];
  expect(seen).toBe(port);
  expect(new URL(`http://${ip.includes(':') ? `[${ip}]` : ip}`).host).toBe(
    new URL(`http://${address.includes(':') ? `[${address}]` : address}`).host,
  );
});

test('an unknown comprehension-required attribute is rejected by name', () => {
  const id = hex('b7e7a701bc34d686fa87dfae');
  const answer = Buffer.from(writeUnknownAttributes(id, [0x0003], PASSWORD));
  const message = parseMessage(answer, Buffer.from(PASSWORD));
  expect(message?.messageClass).toBe(classes.ERROR);
  expect(message?.getAttributeValue('ERROR-CODE')).toEqual([420, '']);
});

test('no damage to a check makes it throw or keep its integrity', () => {
  const next = random(1);
  const pick = (limit: number): number => Math.floor(next() * limit);
  for (let i = 0; i < 20_000; i += 1) {
    const damaged = Buffer.from(i % 2 === 0 ? SAMPLE : check('ours:theirs', PASSWORD, true));
    const at = 20 + pick(60);
    damaged[at] = (damaged[at] as number) ^ (1 + pick(255));
    const cut = next() < 0.3 ? damaged.subarray(0, pick(damaged.length)) : damaged;
    const request = parseBindingRequest(cut);
    expect(request !== undefined && hasIntegrity(cut, request, PASSWORD)).toBe(false);
  }
});
