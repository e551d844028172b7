import { percentDecode } from '../../base/network/url-parts.ts';
import { plainLine } from './xml/xml.ts';

const PREFIX = 'onvif://www.onvif.org/';

/** The value of a scope such as `name/`, ONVIF Core §7.3.2.2. */
export function scopeValue(scopes: readonly string[], kind: string): string | undefined {
  const prefix = PREFIX + kind;
  const scope = scopes.find((text) => text.toLowerCase().startsWith(prefix));
  return decodedScope(scope?.slice(prefix.length) ?? '');
}

/** Scope values are percent-encoded; one with a bare % stays as it is. */
export const decodedScope = (value: string): string | undefined => plainLine(percentDecode(value));
