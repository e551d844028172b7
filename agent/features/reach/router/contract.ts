/** How a router is asked: RFC 6887, RFC 6886, UPnP Internet Gateway Device. */
export type RouterProtocol = 'pcp' | 'natPmp' | 'upnp';

/** A port of this box that the router is to forward. */
export interface WantedPort {
  /** `httpsIpv6`: let through by the firewall of the router, without another port or address. */
  readonly name: 'https' | 'httpsIpv6' | 'wireguard';
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
}

/** The way out of this network. */
export interface DefaultRoute {
  readonly interface: string;
  /** Address of the router; a link-local one of IPv6 has its zone. */
  readonly gateway: string;
  /** Address of this box there; of IPv6: a public one. */
  readonly own: string;
}

export interface Granted {
  readonly outsidePort: number;
  /** Undefined: the answer does not say it. */
  readonly outsideIp?: string;
  readonly lifetimeS: number;
}

export interface RouterState {
  /** Address of the router on its other side; undefined: it does not say it. */
  readonly outsideIp: string | undefined;
  /** It has forgotten its mappings: it has restarted. */
  readonly hasRestarted: boolean;
}

/** One protocol of one router. */
export interface RouterClient {
  readonly protocol: RouterProtocol;
  /** @throws PerchError */
  check(signal: AbortSignal): Promise<RouterState>;
  /** Makes a mapping or renews it. @param outsidePort wanted; the router may grant another one @throws PerchError with `why` */
  map(port: WantedPort, outsidePort: number, lifetimeS: number, signal: AbortSignal): Promise<Granted>;
  /** @throws PerchError */
  unmap(port: WantedPort, outsidePort: number, signal: AbortSignal): Promise<void>;
  /** Whether the router still has the mapping; undefined: it does not say it. @throws PerchError */
  has(port: WantedPort, outsidePort: number, signal: AbortSignal): Promise<boolean | undefined>;
}

/** Why a router does not forward a port. */
export type MappingWhy =
  | 'noRouter'
  | 'noProtocol'
  | 'refused'
  | 'offline'
  | 'full'
  | 'taken'
  | 'noLease'
  | 'unanswered'
  | 'other';
