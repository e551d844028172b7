import { PerchError } from '../../base/errors.ts';
import { schemeOf } from '../../config/schema/source.ts';
import type { Forwarder, ForwarderProtocol, ForwardRequest } from '../../protocols/contract.ts';

/** The forwarder of a destination, by the scheme of its URL. */
export function makeForwarder(protocols: readonly ForwarderProtocol[], request: ForwardRequest): Forwarder {
  const { name, destination, log } = request;
  const scheme = schemeOf(destination.dest);
  const protocol = protocols.find(({ keys }) => keys.schemes.includes(scheme));
  if (!protocol) {
    throw new PerchError('unsupported', `no forwarder publishes to ${scheme}:// URLs`, { path: name });
  }
  return protocol.create({ ...request, log: log.child({ path: name }) });
}
