import { isIP } from 'node:net';
import { PerchError } from '../../../base/errors.ts';
import { isLoopbackIp } from '../../../base/network/ip-address.ts';

const PORT = 5432;
const EXAMPLE = 'write for example postgres://perch:PASSWORD@db.example.org/perch';
const PARAMETERS = ['sslmode', 'sslrootcert', 'host'];

/** Where the database is. */
export interface DatabaseAddress {
  /** Name, address, or folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** False: the connection is not encrypted, and nothing proves that it is the database. */
  readonly isVerified: boolean;
  /** On this machine. */
  readonly isLocal: boolean;
  /** File of the authorities that its certificate may be of, PEM; undefined: those that Node knows. */
  readonly authorityFile: string | undefined;
}

/** @throws PerchError badInput; the message does not have the address, which has a password */
export function readDatabaseURL(text: string): DatabaseAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    throw wrong(`not the address of a PostgreSQL database: ${EXAMPLE}`);
  }
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw wrong(`the parameter '${name.slice(0, 40)}' is not known: sslmode, sslrootcert and host are`);
    }
  }
  const user = decoded(url.username);
  const database = decoded(url.pathname.slice(1));
  const host = url.searchParams.get('host') ?? url.hostname.replace(/^\[|\]$/g, '');
  if (host === '' || user === '' || database === '' || database.includes('/')) {
    throw wrong(`it needs a user, a host and the name of a database: ${EXAMPLE}`);
  }
  const isLocal = host.startsWith('/') || host === 'localhost' || (isIP(host) !== 0 && isLoopbackIp(host));
  return {
    host,
    port: url.port === '' ? PORT : Number(url.port),
    user,
    password: decoded(url.password),
    database,
    isVerified: isVerified(url.searchParams.get('sslmode'), isLocal),
    isLocal,
    authorityFile: url.searchParams.get('sslrootcert') ?? undefined,
  };
}

/** Names of libpq. Without one, only a database of this machine is not verified. */
function isVerified(mode: string | null, isLocal: boolean): boolean {
  switch (mode) {
    case null:
      return !isLocal;
    case 'verify-full':
      return true;
    case 'disable':
      return false;
    default:
      throw wrong(
        `sslmode=${mode.slice(0, 20)} does not verify which server answers: leave it out, which is verify-full; disable is without encryption`,
      );
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("a '%' in user, password or name is written %25");
  }
}

const wrong = (message: string): PerchError => new PerchError('badInput', message);

/** For people and the log: without user and password. */
export const placeOf = ({ host, port, database }: DatabaseAddress): string =>
  `database '${database}' at ${host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`}`;
