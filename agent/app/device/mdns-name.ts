import { join } from 'node:path';
import Type from 'typebox';
import { BoxName, type BoxNameOptions } from '../../../system/mdns/box-name.ts';
import type { Network } from '../../../system/network-watch.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import { parseAddress } from '../../config/values/address.ts';
import type { Host } from '../../features/contract.ts';
import { type DeviceNames, systemNames } from '../../tls/device-names.ts';

const Stored = Type.Object({ label: Type.String(), number: Type.Integer({ minimum: 1, maximum: 999 }) });
const LOOPBACK = /^(?:127\.|localhost$|::1$)/;

export interface MdnsNameOptions extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  /** Without it no name is announced. */
  readonly network?: Network;
  /** The id that paired servers know this box by. */
  readonly boxId?: string;
  /** Called with the page's address by name, `http://perch.local/`, and again when the name changes. */
  readonly onName?: (address: string) => void;
}

/** The configured name in the local network (mDNS). */
export class MdnsName {
  readonly #options: MdnsNameOptions;
  readonly #document: StoredDocument<typeof Stored>;
  #running: BoxName | undefined;

  constructor(options: MdnsNameOptions) {
    this.#options = options;
    this.#document = new StoredDocument(join(options.dataDir, 'box-name.json'), Stored, options.log);
  }

  /** `perch.local`; undefined while another device has it. */
  get current(): string | undefined {
    return this.#running?.name;
  }

  /** Names for the certificate. */
  certificateNames(): DeviceNames {
    const names = systemNames(this.#options.network?.interfaces);
    const { current } = this;
    return { ...names, dns: [...new Set([...names.dns, ...(current === undefined ? [] : [current])])] };
  }

  /** @param mainPort port of the page */
  component(mainPort: () => number | undefined): Component<Config> {
    const { network } = this.#options;
    return {
      name: 'name in the network',
      needs: 'main port',
      settings: ({ mdns, boxName, address, tlsAddress }) =>
        network && mdns && isReachable(address) ? { boxName, address, tlsAddress } : undefined,
      start: async ({ boxName, tlsAddress }) => {
        const port = mainPort();
        const running =
          network && port !== undefined ? await this.#start(boxName, port, tlsAddress, network) : undefined;
        this.#running = running;
        return () => {
          this.#running = undefined;
          return running?.close();
        };
      },
    };
  }

  async #start(label: string, port: number, tlsAddress: string, network: Network): Promise<BoxName> {
    const title = label === 'perch' ? 'Perch' : label;
    const { clock, log, onName, boxId } = this.#options;
    const https = isReachable(tlsAddress) ? parseAddress(tlsAddress)?.port : undefined;
    const box = boxId !== undefined && https ? { id: boxId, port: https } : undefined;
    const options: BoxNameOptions = {
      clock,
      log,
      network,
      number: await this.#lastNumber(label),
      onNumber: (number) => void this.#document.trySave(() => ({ label, number }), 'saving the name of the box failed'),
      onName: (name) => onName?.(`http://${name}${port === 80 ? '' : `:${port}`}/`),
    };
    return new BoxName({ label, title, port, box }, options);
  }

  /** The number after the name at the last run, so that two boxes with one name keep theirs after a power cut. */
  async #lastNumber(label: string): Promise<number> {
    const stored = await this.#document.open('the number after the name of the box is lost');
    return stored?.label === label ? stored.number : 1;
  }
}

/** A page on loopback is not announced. */
const isReachable = (address: string): boolean => {
  const parsed = parseAddress(address);
  return parsed !== undefined && !LOOPBACK.test(parsed.host ?? '');
};
