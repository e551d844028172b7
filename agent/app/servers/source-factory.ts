import { PerchError } from '../../base/errors.ts';
import { IdentityCheckedSource, type IdentityWatch } from '../../cameras/identity-checked-source.ts';
import { streamLogin } from '../../cameras/stream-login.ts';
import { schemeOf } from '../../config/schema/source.ts';
import type { Reach, SourceProtocol, SourceRequest } from '../../protocols/contract.ts';
import type { Source } from '../../stream/contracts.ts';

/**
 * The source of a path that is pulled, by the scheme of its URL.
 * @param watch default: none, the camera's identity is not checked
 */
export function makeSource(
  protocols: readonly SourceProtocol[],
  request: Omit<SourceRequest, 'loginWatch'>,
  watch?: IdentityWatch,
): Source {
  const { name, settings, clock, log } = request;
  const { camera = {} } = settings;
  const scheme = schemeOf(settings.source);
  const protocol = protocols.find(({ keys }) => keys.schemes.includes(scheme));
  if (!protocol) {
    throw new PerchError('unsupported', `no source pulls ${scheme}:// URLs`, { path: name });
  }
  const { loginTarget } = protocol;
  let checked: IdentityCheckedSource | undefined;
  const confirm = async (signal: AbortSignal, reach?: Reach): Promise<void> => checked?.beforeLogin(signal, reach);
  const source = protocol.create({
    ...request,
    loginWatch: loginTarget && streamLogin(() => loginTarget(settings.source, name), camera, { confirm }),
    log: log.child({ path: name }),
  });
  const { endpoint, serial, onvif } = camera;
  checked = watch && onvif && (endpoint || serial) ? new IdentityCheckedSource(source, name, watch, clock) : undefined;
  return checked ?? source;
}
