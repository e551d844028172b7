export interface DeviceQuirks {
  /** The camera's clock minus that of the machine. */
  clockOffsetMs?: number;
  /** `missing`: no UTCDateTime; `hollow`: one without a date; a number: it contains local time of that zone. */
  utcTime?: 'missing' | 'hollow' | { readonly zoneMs: number };
  /** POSIX TZ. */
  timeZone?: string;
  /** GetServices is a fault: only GetCapabilities is known. */
  hasNoGetServices?: boolean;
  /** Host and port in the addresses of the services, such as `192.168.1.108` or `10.0.0.9:81`. */
  serviceHost?: string;
  /** Device service at another path, such as `/onvif/service`. */
  devicePath?: string;
  /** All services at the path of the device service. */
  hasOnePath?: boolean;
  /** SystemReboot is never answered. */
  rebootsWithoutAnswer?: boolean;
  /** How long it is away. */
  rebootMs?: number;
  /** The clock begins at 2000 after a reboot. */
  losesClockAtReboot?: boolean;
  /** A reboot gives it another endpoint. */
  changesEndpointAtReboot?: boolean;
  hasNoNetworkProtocols?: boolean;
  /** GetDeviceInformation without manufacturer and serial number. */
  saysLittleOfItself?: boolean;
  macAddress?: string;
}
