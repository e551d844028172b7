export interface SimulatedRelay {
  readonly mode: 'Bistable' | 'Monostable';
  /** A monostable one goes back after this time. */
  readonly delaySeconds: number;
  readonly idle: 'open' | 'closed';
}

export interface OutputQuirks {
  /** Relays by their tokens; none when not given. */
  relays?: Readonly<Record<string, Partial<SimulatedRelay>>>;
  /** Services that answer for relays; both when not given; `empty deviceIO`: Device I/O is there, and its list is empty. */
  relaysAt?: 'device' | 'deviceIO' | 'empty deviceIO';
  /** Device I/O takes requests for relays in its own namespace alone. */
  wantsDeviceIoNamespace?: boolean;
  /** A monostable relay that is told to go off is a fault. */
  refusesRelayOff?: boolean;
  /** Events of the relays' states, in these words; none when not given. */
  tellsRelays?: 'active' | 'true';
  /** A change of a relay's settings is accepted without effect. */
  ignoresRelaySettings?: boolean;
  /** Auxiliary commands of the device service. */
  commands?: readonly string[];
  /** Those are listed by GetCapabilities alone. */
  hasNoServiceCapabilities?: boolean;
  /** Auxiliary commands of the PTZ node. */
  ptzCommands?: readonly string[];
  /** The device service lists the PTZ node's commands, too, and refuses them. */
  refusesDeviceCommands?: boolean;
}
