import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../api-client/request.ts';
import { Button } from '../ui/controls/button.tsx';
import { startWords } from '../words/start.ts';
import { CodeField } from './code-field.tsx';
import { type PasskeyRequest, passkeyObstacle, provePasskey } from './passkeys.ts';

interface FactorFieldsProps {
  readonly password: string;
  /** Undefined: the owner. */
  readonly user: string | undefined;
  readonly code: string;
  readonly onCode: (code: string) => void;
  /** Signed by the passkey. */
  readonly onPasskey: (response: object) => void;
  readonly isLocked: boolean;
  /** A text, or the reason `wrongCode` or `wrongPasskey`. */
  readonly wrong: string | undefined;
}

/** The second factor at a login: a passkey, if this host has one, or a code. */
export function FactorFields({ password, user, code, onCode, onPasskey, isLocked, wrong }: FactorFieldsProps) {
  const [request, setRequest] = useState<PasskeyRequest | null>(null);
  useEffect(() => {
    // A challenge is valid once.
    if (passkeyObstacle() === undefined) {
      passkeyRequest(password, user).then(setRequest, () => {});
    }
  }, [wrong]);
  return (
    <>
      {request && <PasskeyButton request={async () => request} onPasskey={onPasskey} isLocked={isLocked} />}
      <CodeField value={code} onInput={onCode} isLocked={isLocked} wrong={wrong} takesFocus={!request} showsWayOut />
    </>
  );
}

/** @returns null if this host has no passkey */
export async function passkeyRequest(password: string, user?: string): Promise<PasskeyRequest | null> {
  const body = { password, ...(user ? { user } : {}) };
  const { passkey } = await fetchJson<{ readonly passkey: PasskeyRequest | null }>('v3/session/challenge', {
    method: 'POST',
    body,
  });
  return passkey;
}

interface PasskeyButtonProps {
  readonly request: () => Promise<PasskeyRequest | null>;
  readonly onPasskey: (response: object) => void;
  /** Called if the request fails. */
  readonly onError?: (error: unknown) => void;
  readonly isLocked: boolean;
}

export function PasskeyButton({ request, onPasskey, onError, isLocked }: PasskeyButtonProps) {
  const t = startWords.value;
  const [isUnused, setUnused] = useState(false);
  const use = async () => {
    setUnused(false);
    let options: PasskeyRequest | null;
    try {
      options = await request();
    } catch (error) {
      onError?.(error);
      return;
    }
    // Browsers do not say whether the person or they themselves refused.
    const response = options && (await provePasskey(options).catch(() => undefined));
    if (response) {
      onPasskey(response);
    } else {
      setUnused(true);
    }
  };
  return (
    <div class="field">
      <Button onClick={use} isOff={isLocked}>
        {t.usePasskey}
      </Button>
      <p class="hint" role="status">
        {isUnused && t.passkeyUnused}
      </p>
    </div>
  );
}
