import type { DeviceItem } from '../../../people/people.ts';
import { viewsLink } from '../../../people/view-text.ts';
import { Row } from '../../../ui/controls/row.tsx';
import { peopleWords } from '../../../words/settings/people.ts';
import { RevokeSheet } from './revoke-sheet.tsx';

interface DevicePasswordSheetProps {
  readonly device: DeviceItem;
  readonly text: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A device password: its permissions, and revoking it. */
export function DevicePasswordSheet({ device: { id, name, user }, text, ...sheet }: DevicePasswordSheetProps) {
  const { revokeDevice: action, revokeDeviceText: warning, deviceRevoked: done, deviceLogsInAs } = peopleWords.value;
  const address = `v3/devicepasswords/${encodeURIComponent(id)}`;
  return (
    <RevokeSheet {...sheet} title={name} {...{ address, action, warning, done }}>
      <p class="break">{text}</p>
      <p class="dim break">{deviceLogsInAs(user)}</p>
      <div class="rows-end">
        <Row icon="clock" title={peopleWords.value.views} href={viewsLink(user)} />
      </div>
    </RevokeSheet>
  );
}
