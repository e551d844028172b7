import { isIP } from 'node:net';
import { PerchError } from '../../../../base/errors.ts';
import type { Parameters } from './parameters.ts';

/** What a client wants its answer to say about the ways to us: where a router forwards other ports, it knows them and we do not. */
export interface CandidateWishes {
  /** Address and port, as in a candidate. */
  readonly udp: string | undefined;
  readonly tcp: string | undefined;
  readonly prefersTcp: boolean;
}

/** `cand_udp=ip:port`, `cand_tcp=ip:port`, `preferred_tcp=1`. @throws PerchError badInput */
export function readWishes(parameters: Parameters): CandidateWishes {
  return {
    udp: placeOf('cand_udp', parameters),
    tcp: placeOf('cand_tcp', parameters),
    prefersTcp: parameters.get('preferred_tcp') === '1',
  };
}

function placeOf(name: string, parameters: Parameters): string | undefined {
  const text = parameters.get(name);
  if (text === undefined) {
    return undefined;
  }
  const [, address = '', port = ''] = /^\[?([\da-f.:]{2,45}?)\]?:(\d{1,5})$/i.exec(text) ?? [];
  if (isIP(address) === 0 || Number(port) < 1 || Number(port) > 65_535) {
    throw new PerchError(
      'badInput',
      `${name} '${text.slice(0, 60)}' is not an address and port such as 203.0.113.5:8189`,
    );
  }
  return `${address} ${Number(port)}`;
}

const CANDIDATE =
  /^a=candidate:(?<foundation>\S+) \d (?<protocol>udp|tcp) (?<priority>\d+) \S+ \d+ (?<end>typ host.*)$/;
/** The least that RFC 8445 §5.1.2 allows for a candidate. */
const MIN_PRIORITY = 1;

/** The answer with the candidates that the client wishes for. */
export function fulfil(answer: string, wishes: CandidateWishes): string {
  if (wishes.udp === undefined && wishes.tcp === undefined && !wishes.prefersTcp) {
    return answer;
  }
  const lines = answer.split('\r\n');
  const hasTcp = lines.some((line) => CANDIDATE.exec(line)?.groups?.['protocol'] === 'tcp');
  const written = new Set<string>();
  return lines
    .flatMap((line) => {
      const { foundation, protocol, priority, end } = CANDIDATE.exec(line)?.groups ?? {};
      // A new section begins with its own candidates.
      if (line.startsWith('m=')) {
        written.clear();
      }
      if (protocol === undefined) {
        return [line];
      }
      const rank = wishes.prefersTcp && hasTcp && protocol === 'udp' ? MIN_PRIORITY : priority;
      const place = protocol === 'udp' ? wishes.udp : wishes.tcp;
      if (place === undefined) {
        return [line.replace(` ${protocol} ${priority} `, ` ${protocol} ${rank} `)];
      }
      const isFirst = !written.has(protocol);
      written.add(protocol);
      return isFirst ? [`a=candidate:${foundation} 1 ${protocol} ${rank} ${place} ${end}`] : [];
    })
    .join('\r\n');
}
