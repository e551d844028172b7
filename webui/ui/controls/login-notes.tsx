import { boxCommands } from '../../api-client/session.ts';
import { startWords } from '../../words/start.ts';

/** The owner's account on each box. */
const OWNER = 'owner';

/** Below a password field: plain http can be read in the network. Not shown on the box itself. */
export function UnencryptedNotice() {
  const t = startWords.value;
  return location.protocol === 'https:' || window.isSecureContext ? null : (
    <p class="dim small unencrypted">
      {t.clearText}{' '}
      <a href="trust" target="_blank" rel="noopener">
        {t.clearTextWayOut}
      </a>
    </p>
  );
}

/** After a wrong password: the owner resets it on the box, others ask the owner. */
export function ForgottenPassword({ name = OWNER }: { readonly name: string | undefined }) {
  const { forgotten, askOwner } = startWords.value;
  return (
    <p class="dim small">
      {name.trim().toLowerCase() === OWNER ? forgotten(boxCommands.value.resetPassword) : askOwner}
    </p>
  );
}
