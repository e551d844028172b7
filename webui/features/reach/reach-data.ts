import type { ReachState } from '../../../agent/features/reach/routes.ts';
import type { ReachWords } from './words/en.ts';

type Test = NonNullable<ReachState['test']>;

interface Finding {
  readonly title: string;
  readonly text: string;
  readonly tone?: 'bad' | 'warn';
}

const PROTOCOLS = { pcp: 'PCP', natPmp: 'NAT-PMP', upnp: 'UPnP' } as const;

/** What the test has found, a row each. */
export function findings(test: Test, t: ReachWords): readonly Finding[] {
  const ipv6 = ipv6Of(test, t);
  if (test.router === null) {
    return [{ title: t.router, text: t.noRouter, tone: 'warn' }, ipv6];
  }
  const protocols = test.protocols.map((one) => PROTOCOLS[one]).join(', ');
  return [
    { title: t.router, text: [test.router, protocols === '' ? t.noOrders : t.orders(protocols)].join(' · ') },
    outsideOf(test, t),
    ipv6,
    ...forwardedOf(test, t),
  ];
}

function outsideOf({ verdict, outside, own }: Test, t: ReachWords): Finding {
  const texts = {
    public: t.verdictPublic,
    carrier: t.verdictCarrier,
    private: t.verdictPrivate,
    offline: t.verdictOffline,
    unknown: t.verdictUnknown,
    direct: t.direct,
    noRouter: t.noRouter,
  };
  const address = verdict === 'direct' ? own : verdict === 'offline' ? null : outside;
  const isGood = verdict === 'public' || verdict === 'direct' || verdict === 'unknown';
  return {
    title: t.outside,
    text: [address, texts[verdict]].filter((text) => text !== null).join(' · '),
    ...(!isGood && { tone: 'warn' as const }),
  };
}

function ipv6Of({ ipv6, ipv6Firewall }: Test, t: ReachWords): Finding {
  const texts = { asked: t.ipv6Asked, on: t.ipv6On, off: t.ipv6Off, unknown: t.ipv6Unknown };
  const text = ipv6Firewall === null ? t.ipv6NoRouter : texts[ipv6Firewall];
  return {
    title: t.ipv6,
    text: ipv6.length > 0 ? [ipv6.join(', '), text].join(' · ') : t.ipv6None,
    ...(ipv6.length > 0 && ipv6Firewall === 'off' && { tone: 'warn' as const }),
  };
}

function forwardedOf({ forwarded }: Test, t: ReachWords): readonly Finding[] {
  if (forwarded === null || forwarded.length === 0) {
    return [{ title: t.forwarded, text: forwarded === null ? t.forwardedUnknown : t.forwardedNone }];
  }
  return forwarded.map(({ transport, port, outsidePort, description, key }) => {
    const ports = t.forwardedPort(`${transport.toUpperCase()} ${outsidePort}`, `${port}`);
    const text = [ports, description, key !== null && t.forwardedPlain].filter(Boolean).join(' · ');
    return { title: t.forwarded, text, ...(key !== null && { tone: 'bad' as const }) };
  });
}

/** Of an open port. @param url of the page from outside */
export function openText(name: ReachState['mappings'][number]['name'], url: string | null, t: ReachWords): string {
  if (name === 'wireguard') {
    return t.stateOpenWireguard;
  }
  return name === 'https' && url === null ? t.stateOpenNoAddress : t.stateOpen;
}

/** Text for a reason that the box gives as a word. */
export function whyText(why: string | null, t: ReachWords): string | undefined {
  const texts: Readonly<Record<string, string>> = {
    noRouter: t.whyNoRouter,
    noProtocol: t.whyNoProtocol,
    refused: t.whyRefused,
    offline: t.whyOffline,
    full: t.whyFull,
    taken: t.whyTaken,
    noLease: t.whyNoLease,
    unanswered: t.whyUnanswered,
  };
  return texts[why ?? ''];
}

/** Where a phone finds Perch through its tunnel; undefined while WireGuard is off. */
export const phoneAddress = (
  { isOn, address }: Pick<ReachState['wireguard'], 'isOn' | 'address'>,
  httpsPort: number | null,
): string | undefined =>
  isOn && address !== null && httpsPort !== null
    ? `https://${address}${httpsPort === 443 ? '' : `:${httpsPort}`}`
    : undefined;

const ENDPOINT = /^(?:[a-z0-9][a-z0-9.-]{0,252}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** @param isKnown the box knows its address */
export function endpointFault(text: string, isKnown: boolean, t: ReachWords): string | undefined {
  if (text === '') {
    return isKnown ? undefined : t.phoneEndpointUnknown;
  }
  return ENDPOINT.test(text) ? undefined : t.phoneEndpointWrong;
}
