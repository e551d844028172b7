import { expect, test } from 'vitest';
import { MulticastRange } from './multicast.ts';

const unused = new Set<string>();

test('groups are allocated in turn and reused as late as possible', () => {
  const range = new MulticastRange('224.1.0.0/30');
  expect([range.take(unused), range.take(unused), range.take(unused)]).toEqual(['224.1.0.0', '224.1.0.1', '224.1.0.2']);
  const used = new Set(['224.1.0.0']);
  expect([range.take(used), range.take(used)]).toEqual(['224.1.0.3', '224.1.0.1']);
});

test('a range begins at its network address, whatever address is given', () => {
  expect(new MulticastRange('239.255.12.34/16').take(unused)).toBe('239.255.0.0');
});

test('a range with all groups in use returns none', () => {
  const range = new MulticastRange('224.1.0.7');
  expect(range.take(unused)).toBe('224.1.0.7');
  expect(() => range.take(new Set(['224.1.0.7']))).toThrow(
    'all 1 group addresses of multicastIPRange 224.1.0.7 are in use',
  );
});

test.for(['192.168.0.0/16', '224.1.0.0/33', '224.1.0.0/x', '224.1.0.0/3', '224.1/16', 'ff02::1/16', '', '1.2.3.4/8/8'])(
  '%s is refused',
  (text) => {
    expect(() => new MulticastRange(text)).toThrow('is not a range such as 224.1.0.0/16');
  },
);
