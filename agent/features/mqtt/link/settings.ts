import { isIP } from 'node:net';

/** The login at a broker, and how to reach it. */
export interface BrokerSettings {
  /** `mqtt://host:1883` or `mqtts://host:8883`, without credentials. */
  readonly mqttURL: string;
  readonly mqttUser: string;
  readonly mqttPassword: string;
  /** SHA-256 of the broker's certificate, 64 lower-case digits; empty: a known authority must have signed it. */
  readonly mqttFingerprint: string;
}

export interface MqttSettings extends BrokerSettings {
  /** First level or levels of every topic except Home Assistant's. */
  readonly mqttPrefix: string;
  readonly mqttHomeAssistant: boolean;
  readonly mqttCommands: boolean;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Host name for SNI and the check of the certificate; absent for an IP address. */
  readonly servername?: string;
}

const PORTS = { plain: 1883, tls: 8883 } as const;

/** @param url valid by the syntax `brokerUrl` */
export function addressOf(url: string): BrokerAddress {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const isTls = protocol === 'mqtts:';
  return {
    host,
    port: Number(port || (isTls ? PORTS.tls : PORTS.plain)),
    isTls,
    ...(isIP(host) === 0 && { servername: host }),
  };
}
