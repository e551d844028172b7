import Type, { type Static } from 'typebox';
import { ESCAPES, splitUrl } from '../../base/network/url-parts.ts';
import { HIDDEN_PART } from '../values/destination.ts';
import { Fingerprint } from './common/fields.ts';
import type { Fault } from './common/key-rules.ts';

/** The URLs of one forwarder. */
export interface ForwardKeys {
  /** URL schemes of `dest` in lower case. Messages name the first one. */
  readonly schemes: readonly string[];
  /** A URL for messages. */
  readonly example: string;
}

export const RTSP_FORWARD: ForwardKeys = { schemes: ['rtsp', 'rtsps'], example: 'rtsp://192.168.1.30:8554/door' };

export const RTMP_FORWARD: ForwardKeys = {
  schemes: ['rtmp', 'rtmps'],
  example: 'rtmps://live.example/app/key',
};
export const WHIP_FORWARD: ForwardKeys = {
  schemes: ['whip', 'whips'],
  example: 'whips://media.example/door/whip',
};

export const SRT_FORWARD: ForwardKeys = { schemes: ['srt'], example: 'srt://media.example:8890?streamid=publish:door' };

const Destination = Type.Object({
  dest: Type.String({
    syntax: 'destination',
    maxLength: 2_000,
    description: 'URL of the server. $MTX_PATH is the name of the path, $G1 the first group of its regular expression.',
  }),
  destFingerprint: Fingerprint("the server's"),
  whipBearerToken: Type.String({
    default: '',
    secret: true,
    maxLength: 4_000,
    description: 'Token for a WHIP server.',
  }),
});
export type Destination = Static<typeof Destination>;

export const Forward = Type.Array(Destination, {
  default: [],
  isLive: true,
  description: 'Servers that the stream is published to while it is available.',
});

/** Replaced when the path is made. */
const VARIABLE = /\$(?:G\d{1,2}|MTX_PATH)/g;

/** Messages do not show the URL, which may hold a password or a stream key. */
export function forwardFaults(forward: readonly Destination[], forwards: readonly ForwardKeys[]): readonly Fault[] {
  return forward.flatMap(({ dest }, i): Fault[] => {
    const message = destinationFault(dest, forwards);
    return message === undefined ? [] : [{ key: `forward[${i}].dest`, message }];
  });
}

function destinationFault(dest: string, forwards: readonly ForwardKeys[]): string | undefined {
  const expected = `write for example ${forwards.map(({ example }) => example).join(' or ')}`;
  const scheme = /^([a-z0-9+]{1,20}):\/\//i.exec(dest)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return `not a URL: ${expected}`;
  }
  if (!forwards.some(({ schemes }) => schemes.includes(scheme))) {
    return `'${scheme}://' is not supported: ${expected}`;
  }
  const parts = splitUrl(dest.replace(VARIABLE, '1'));
  if (/\s/.test(dest) || !parts?.host) {
    return `the ${scheme}:// URL is not valid: ${expected}; write a blank as %20; ${ESCAPES}`;
  }
  return dest.includes(HIDDEN_PART) ? `'${HIDDEN_PART}' stands for a stream key: send the whole URL` : undefined;
}

/** The destinations of the path `name`. @param groups of its regular expression */
export function destinationsFor(
  forward: readonly Destination[],
  name: string,
  groups: readonly (string | undefined)[] = [],
): Destination[] {
  return forward.map((item) => ({
    ...item,
    dest: withGroups(
      item.dest.replaceAll('$MTX_PATH', () => name),
      groups,
    ),
  }));
}

/** @param groups that of number 0 is not used; one that did not take part in the match is empty */
export function withGroups(text: string, groups: readonly (string | undefined)[]): string {
  let result = text;
  // From the last one, because $G1 is a prefix of $G10.
  for (let number = groups.length - 1; number > 0; number -= 1) {
    result = result.replaceAll(`$G${number}`, () => groups[number] ?? '');
  }
  return result;
}
