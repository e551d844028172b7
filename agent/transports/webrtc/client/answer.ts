import { PerchError } from '../../../base/errors.ts';
import { type Offer, parseOffer } from '../sdp/offer.ts';
import type { RemoteIce } from './ice-agent.ts';

const MAX_CANDIDATES = 64;

interface Answer {
  /** The sections in the order of the offer, as those of an offer: an answer has the same attributes. */
  readonly sections: Offer;
  readonly ice: RemoteIce;
  /** Whether the server waits for our ClientHello (RFC 8842 §5.3). */
  readonly isPassive: boolean;
}

/** @throws PerchError unavailable, with what is missing */
export function parseAnswer(text: string): Answer {
  const sections = parse(text);
  const valuesOf = (name: string): string[] =>
    text
      .split(/\r\n|\n|\r/)
      .filter((line) => line.startsWith(`a=${name}:`))
      .map((line) => line.slice(name.length + 3).trim());
  const [password] = valuesOf('ice-pwd');
  if (password === undefined) {
    throw unusable('it has no a=ice-pwd');
  }
  return {
    sections,
    ice: {
      ufrag: sections.ufrag,
      password,
      isLite: /^a=ice-lite\s*$/m.test(text),
      candidates: [...new Set(valuesOf('candidate'))].slice(0, MAX_CANDIDATES),
    },
    isPassive: sections.setup !== 'active',
  };
}

function parse(text: string): Offer {
  try {
    return parseOffer(text);
  } catch (cause) {
    if (!(cause instanceof PerchError)) {
      throw cause;
    }
    throw unusable(cause.message.replace('the offer', 'it').replace('offer', 'answer'));
  }
}

const unusable = (why: string): PerchError =>
  new PerchError('unavailable', `the server's answer is not usable: ${why}`);
