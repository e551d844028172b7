import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { SERVICE_FOLDER } from '../../../system/camera-network.ts';

const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
const State = Type.Object({
  port: Port,
  http: Port,
  https: Port,
  media: Port,
  address: Type.String({ maxLength: 15 }),
  key: Type.String({ maxLength: 44 }),
  phones: Type.Array(
    Type.Object({
      key: Type.String({ maxLength: 44 }),
      address: Type.String({ maxLength: 15 }),
      /** UTF-8 in hexadecimal digits. */
      name: Type.String({ maxLength: 128 }),
      /** Unix seconds of the last handshake; 0: there was none. */
      seenS: Type.Integer({ minimum: 0 }),
    }),
  ),
});

/** WireGuard as root's service (packaging/linux/wireguard-phones) reports it. */
export type WireGuardState = Static<typeof State>;

/** @returns undefined: it is off, or this is no report */
export function parseWireGuard(text: string): WireGuardState | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return text.length <= 65_536 && Check(State, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function readWireGuard(folder = SERVICE_FOLDER): WireGuardState | undefined {
  try {
    return parseWireGuard(readFileSync(join(folder, 'wireguard'), 'utf8'));
  } catch {
    return undefined;
  }
}

export const nameOf = (hex: string): string => Buffer.from(hex, 'hex').toString('utf8');
