import { isIP } from 'node:net';
import { PerchError } from '../../../../base/errors.ts';
import type { Parameters } from './parameters.ts';

/** Candidates requested by the client, which knows the ports forwarded by a router. */
interface CandidateOverrides {
  /** Address and port, as in a candidate. */
  readonly udp: string | undefined;
  readonly tcp: string | undefined;
  readonly prefersTcp: boolean;
}

/** `cand_udp=ip:port`, `cand_tcp=ip:port`, `preferred_tcp=1`. @throws PerchError badInput */
export function readCandidateOverrides(parameters: Parameters): CandidateOverrides {
  return {
    udp: addressParameter('cand_udp', parameters),
    tcp: addressParameter('cand_tcp', parameters),
    prefersTcp: parameters.get('preferred_tcp') === '1',
  };
}

function addressParameter(name: string, parameters: Parameters): string | undefined {
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

/** Replaces the answer's candidates. */
export function applyCandidateOverrides(answer: string, overrides: CandidateOverrides): string {
  if (overrides.udp === undefined && overrides.tcp === undefined && !overrides.prefersTcp) {
    return answer;
  }
  const lines = answer.split('\r\n');
  const hasTcp = lines.some((line) => CANDIDATE.exec(line)?.groups?.['protocol'] === 'tcp');
  const written = new Set<string>();
  return lines
    .flatMap((line) => {
      const { foundation, protocol, priority, end } = CANDIDATE.exec(line)?.groups ?? {};
      // Each section has its own candidates.
      if (line.startsWith('m=')) {
        written.clear();
      }
      if (protocol === undefined) {
        return [line];
      }
      // The minimum of RFC 8445 §5.1.2.
      const rank = overrides.prefersTcp && hasTcp && protocol === 'udp' ? 1 : priority;
      const address = protocol === 'udp' ? overrides.udp : overrides.tcp;
      if (address === undefined) {
        return [line.replace(` ${protocol} ${priority} `, ` ${protocol} ${rank} `)];
      }
      const isFirst = !written.has(protocol);
      written.add(protocol);
      return isFirst ? [`a=candidate:${foundation} 1 ${protocol} ${rank} ${address} ${end}`] : [];
    })
    .join('\r\n');
}
