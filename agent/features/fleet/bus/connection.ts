import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { connect, credsAuthenticator, type NatsConnection, type TlsOptions } from '@nats-io/transport-node';
import type { Credential, Member } from './credential.ts';
import { nameOf } from './credential.ts';
import { explainedFailure } from './failure.ts';
import { inboxOf } from './subjects.ts';

const CONNECT_MS = 10_000;
/** A half-open connection is noticed after one to two of these. */
const PING_MS = 7_000;

/** Of `node:tls`, which the client passes on. */
interface OwnTlsOptions extends TlsOptions {
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

export interface BusConnection {
  readonly client: NatsConnection;
  /** Resolves with the cause when the connection has ended. */
  readonly ended: Promise<Error>;
  close(): Promise<void>;
}

/** The servers of `natsURL`, as `host:port`. */
export const serversOf = (url: string): string[] =>
  url.split(',').map((one) => {
    const { hostname, port } = new URL(one);
    return `${hostname}:${port || 4222}`;
  });

/** Connects to one server, whose certificate is checked, and proves itself. @throws PerchError with `why` in its context */
export async function openBus(server: string, credential: Credential, member: Member): Promise<BusConnection> {
  const host = new URL(`tls://${server}`).hostname.replace(/^\[(.*)\]$/, '$1');
  const tls: OwnTlsOptions = {
    ...(credential.authority !== undefined && { ca: credential.authority }),
    // The client names no host if it is an IP address, and Node then checks for `localhost`.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
  };
  try {
    const client = await connect({
      servers: [server],
      name: nameOf(member),
      authenticator: credsAuthenticator(new TextEncoder().encode(credsText(credential))),
      inboxPrefix: inboxOf(member.id),
      tls,
      timeout: CONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 1,
      // `BusLink` reconnects: with jitter, and to the other servers of the cluster.
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
    });
    const ended = client.closed().then((error) => explainedFailure(error ?? undefined, server));
    return { client, ended, close: () => client.close() };
  } catch (error) {
    throw explainedFailure(error, server);
  }
}

/** The form of a NATS credentials file. */
const credsText = ({ jwt, seed }: Credential): string =>
  `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
