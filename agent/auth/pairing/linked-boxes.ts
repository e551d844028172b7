import type { KeyObject } from 'node:crypto';
import type { Socket } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import { BoxBus } from './box-bus.ts';

const PIN = 'link.';
/** The reason of an error: there is no connection of the box. */
export const NO_LINK = 'noLink';

/** The pin of a box that opens the connection itself: its public key, which it proves there. */
export const linkPinOf = (key: string): string => PIN + key;

/** Whether a box with this pin opens the connection itself. */
export const isLinkPin = (pin: string): boolean => pin.startsWith(PIN);

/** The pairing with a box that opens the connection itself, as the server knows it. */
export interface LinkedPairing {
  /** Id that the box has given to this server. */
  readonly server: string;
  /** The server's keys for this box: Ed25519, private and public. */
  readonly privateKey: KeyObject;
  readonly key: string;
  /** Public key of the box. */
  readonly boxKey: string;
  /** This server has ended the pairing, and the box does not know it yet. */
  readonly isRemoved?: true;
}

/** A box that has redeemed an invitation of this server. Keys are base64url of 32 bytes. */
export interface NewLinkedBox {
  readonly id: string;
  readonly name: string;
  readonly boxKey: string;
  readonly server: string;
  readonly secret: string;
  readonly key: string;
}

/** The boxes with which this server is paired. */
interface BoxPairings {
  /** @param server id that the box has given to this server: a removed pairing is found, too. Without it only the present one */
  find(box: string, server?: string): LinkedPairing | undefined;
  /** Whether there is a present pairing: unlike `find` it makes no key. */
  has(box: string): boolean;
  /** @throws PerchError unavailable while no pairing can be saved */
  mayAdd(): void;
  /** @throws PerchError if it cannot be saved, another box has that id, or has the key: it has redeemed the same invitation */
  add(box: NewLinkedBox): Promise<void>;
  /** Adds paths for the cameras that a connected box offers. @throws PerchError */
  showCameras(box: string): Promise<void>;
}

/** Requests to paired boxes, however they are connected. It exists once all pairings are loaded: a box that it does not list is not paired. */
export interface BoxAsking {
  list(): readonly {
    readonly id: string;
    readonly name: string;
    readonly isConnected: boolean;
    /** Start of this state, Unix milliseconds. */
    readonly sinceMs: number;
    /** Whether the box grants this server the right `fleet`. */
    readonly mayHandOut: boolean;
  }[];
  /** The JSON of its answer. @throws PerchError with what the box says */
  ask(box: string, method: string, path: string, body: string | undefined, signal: AbortSignal): Promise<unknown>;
}

/** An open connection that a box has made. */
interface BoxConnection {
  /** A new stream within it, for HTTP/1.1 to the box. @throws PerchError unavailable if the connection has just ended */
  open(isLive?: boolean): Socket;
  close(): void;
  /** Whether the box has said that it has ended the pairing. */
  readonly hasLeft?: boolean;
}

/** The servers of a fleet that may order a box to dial them. All of them use the keys of one pairing. */
export interface TrustedFleet {
  /** Ed25519 public key that signs orders, base64url of 32 bytes. */
  readonly key: string;
  readonly replicas: readonly {
    /** `host:port` of https. */
    readonly address: string;
    /** Absent: that of the invitation. */
    readonly pin?: string;
  }[];
}

/** Opens links of this box to servers by order of their fleet, see `dial-order.ts`. */
interface BoxDialer {
  /** What an order has to name: this run of the box, and its time in Unix seconds. */
  readonly now: { readonly run: string; readonly timeS: number };
  /**
   * @param server id of a pairing whose server this box calls
   * @param fleet undefined: no orders any more; links that they have opened end
   * @throws PerchError notFound, badInput
   */
  trust(server: string, fleet: TrustedFleet | undefined): Promise<void>;
  /** Resolves when the link is open. @throws PerchError unauthorized with `why`, exhausted, unavailable, timeout */
  obey(order: string): Promise<void>;
}

/** Where pairings with boxes and the connections that boxes have made meet: each is a feature's. */
export class LinkedBoxes {
  /** Undefined: this product shows no cameras of boxes. */
  pairings: BoxPairings | undefined;
  /** Undefined: this product shows no cameras of boxes, or cannot read which boxes are paired. */
  asking: BoxAsking | undefined;
  /** Public key by which this box proves itself to servers that it calls; undefined: it calls none. */
  ownKey: string | undefined;
  /** Undefined: this product calls no servers. */
  dialer: BoxDialer | undefined;
  /** The bus of a fleet. */
  readonly bus = new BoxBus();
  readonly #connections = new Map<string, BoxConnection>();
  /** Boxes that have ended the pairing, and with it their connection. */
  readonly #left = new Set<string>();
  readonly #listeners = new Set<(box: string) => void>();

  /** Replaces the former connection of the box, which may have lost its network. @returns to be called when it has ended */
  connected(box: string, connection: BoxConnection): () => void {
    const former = this.#connections.get(box);
    this.#connections.set(box, connection);
    this.#left.delete(box);
    former?.close();
    this.#notify(box);
    return () => {
      if (this.#connections.get(box) === connection) {
        this.#connections.delete(box);
        if (connection.hasLeft) {
          this.#left.add(box);
        }
        this.#notify(box);
      }
    };
  }

  isConnected(box: string): boolean {
    return this.#connections.has(box);
  }

  /** @param isLive for live pictures, which go before all else @throws PerchError unavailable, unauthorized: the box has ended the pairing */
  open(box: string, isLive = false): Socket {
    const connection = this.#connections.get(box);
    if (!connection && this.#left.has(box)) {
      throw new PerchError('unauthorized', 'the box has ended the pairing', { why: 'left' });
    }
    if (!connection) {
      void this.bus.carrier?.summon(box);
      throw new PerchError('unavailable', 'the box has not connected to this server', { why: NO_LINK });
    }
    return connection.open(isLive);
  }

  /** Ends the connection of a box. */
  drop(box: string): void {
    this.#connections.get(box)?.close();
    this.#left.delete(box);
  }

  /** Called with the id of a box whose connection has begun or ended. @returns removes the listener */
  onChange(listener: (box: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #notify(box: string): void {
    for (const listener of this.#listeners) {
      listener(box);
    }
  }
}
