/** `PublicKeyCredentialCreationOptionsJSON` of WebAuthn Level 3. */
interface CreationOptions {
  readonly challenge: string;
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly rp: PublicKeyCredentialRpEntity;
  readonly pubKeyCredParams: PublicKeyCredentialParameters[];
  readonly excludeCredentials: readonly Descriptor[];
}

/** `PublicKeyCredentialRequestOptionsJSON`. */
export interface PasskeyRequest {
  readonly challenge: string;
  readonly allowCredentials: readonly Descriptor[];
}

interface Descriptor {
  readonly id: string;
  readonly type: 'public-key';
  readonly transports?: AuthenticatorTransport[];
}

/** Why this browser uses no passkeys here, or undefined if it does. */
export function passkeyObstacle(): 'address' | 'insecure' | 'browser' | undefined {
  if (!window.isSecureContext) {
    return 'insecure';
  }
  // An IPv4 address, or one in brackets: browsers demand a domain.
  if (/^[\d.]+$|^\[/.test(location.hostname)) {
    return 'address';
  }
  return 'PublicKeyCredential' in window ? undefined : 'browser';
}

/** Asks the person for a new passkey. @returns `RegistrationResponseJSON` @throws DOMException */
export async function createPasskey(options: CreationOptions): Promise<object> {
  const { challenge, user, excludeCredentials, ...others } = options;
  const publicKey = {
    ...others,
    challenge: bytesOf(challenge),
    user: { ...user, id: bytesOf(user.id) },
    excludeCredentials: excludeCredentials.map(withBytes),
  };
  const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = credential.response as AuthenticatorAttestationResponse;
  return asJson(credential, {
    attestationObject: base64UrlText(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
}

/** Asks the person for a passkey. @returns `AuthenticationResponseJSON` @throws DOMException */
export async function provePasskey({ challenge, allowCredentials, ...others }: PasskeyRequest): Promise<object> {
  const publicKey = { ...others, challenge: bytesOf(challenge), allowCredentials: allowCredentials.map(withBytes) };
  const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = credential.response as AuthenticatorAssertionResponse;
  return asJson(credential, {
    authenticatorData: base64UrlText(response.authenticatorData),
    signature: base64UrlText(response.signature),
  });
}

/** Chromium names untrusted certificates only in the message. */
export const isUntrusted = (error: unknown): boolean =>
  error instanceof DOMException && /certificate/i.test(error.message);

const asJson = ({ id, type, response }: PublicKeyCredential, others: object): object => ({
  id,
  rawId: id,
  type,
  clientExtensionResults: {},
  response: { clientDataJSON: base64UrlText(response.clientDataJSON), ...others },
});

const withBytes = ({ id, ...others }: Descriptor): PublicKeyCredentialDescriptor => ({ ...others, id: bytesOf(id) });

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}

function base64UrlText(bytes: ArrayBuffer): string {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
