import type { Config } from '../../config/load/load.ts';
import type { AccessRules } from './authorize.ts';

/** The access rules of the configuration. */
export function rulesOf(config: Config): AccessRules {
  const { isOwn, authMethod, authInternalUsers: internalUsers, readTimeoutMs: timeoutMs } = config;
  const http = {
    address: config.authHTTPAddress,
    fingerprint: config.authHTTPFingerprint,
    exclude: config.authHTTPExclude,
    timeoutMs,
  };
  const jwt = {
    jwks: config.authJWTJWKS,
    fingerprint: config.authJWTJWKSFingerprint,
    claimKey: config.authJWTClaimKey,
    exclude: config.authJWTExclude,
    inHttpQuery: config.authJWTInHTTPQuery,
    issuer: config.authJWTIssuer,
    audience: config.authJWTAudience,
    timeoutMs,
  };
  switch (authMethod) {
    case 'internal':
      return { isOwn, internalUsers };
    case 'http':
      return { isOwn, internalUsers, http };
    case 'jwt':
      return { isOwn, internalUsers, jwt };
  }
}
