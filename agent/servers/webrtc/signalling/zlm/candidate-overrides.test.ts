import { expect, test } from 'vitest';
import { applyCandidateOverrides } from './candidate-overrides.ts';

const UDP = 'a=candidate:1 1 udp 2130706431 192.168.1.5 8189 typ host';
const OTHER_UDP = 'a=candidate:2 1 udp 2130706175 10.0.0.5 8189 typ host';
const TCP = 'a=candidate:3 1 tcp 1671430143 192.168.1.5 8189 typ host tcptype passive';
const sdp = (...lines: string[]): string =>
  ['v=0', 'm=video 9 X 96', ...lines, 'm=audio 9 X 0', ...lines, ''].join('\r\n');
const NOTHING = { udp: undefined, tcp: undefined, prefersTcp: false };

test('without overrides the answer is unchanged', () => {
  expect(applyCandidateOverrides(sdp(UDP, OTHER_UDP, TCP), NOTHING)).toBe(sdp(UDP, OTHER_UDP, TCP));
});

test('an address from the client replaces ours, once in each section', () => {
  const changed = applyCandidateOverrides(sdp(UDP, OTHER_UDP, TCP), {
    ...NOTHING,
    udp: '203.0.113.5 40000',
    tcp: '203.0.113.5 40001',
  });
  expect(changed).toBe(
    sdp(
      'a=candidate:1 1 udp 2130706431 203.0.113.5 40000 typ host',
      'a=candidate:3 1 tcp 1671430143 203.0.113.5 40001 typ host tcptype passive',
    ),
  );
});

test('TCP is first if it is preferred and available', () => {
  const last = (line: string): string => line.replace(/ udp \d+ /, ' udp 1 ');
  expect(applyCandidateOverrides(sdp(UDP, TCP), { ...NOTHING, prefersTcp: true })).toBe(sdp(last(UDP), TCP));
  expect(applyCandidateOverrides(sdp(UDP), { ...NOTHING, prefersTcp: true })).toBe(sdp(UDP));
});
