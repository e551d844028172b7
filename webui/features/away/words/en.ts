/** Settings: boxes that connect to this server, and servers to which this box connects. */
export const en = {
  callingBoxes: 'Boxes that connect by themselves',
  callingBoxesText: 'Invite a box that this server cannot reach',
  callingBoxesHint:
    'A box behind a router or in a mobile network connects to this server, and keeps the connection. Its router needs no open port, but this server needs an address that the box reaches.',
  noCallingBoxes: 'No box connects to this server.',
  inviteBox: 'Invite a box',
  ownAddress: 'Address of this server',
  ownAddressHint:
    'As boxes reach it: name or IP address, with the port unless it is 443. If it is empty, the address of this page and those of this server are used.',
  ownAddressWrong: 'This is not a name or an IP address, with or without a port.',
  invitationEffect: 'The invitation is valid for ten minutes and one box. Its cameras are added here.',
  invitationSteps: 'On the box, open Settings, People, Connect to a server, and paste this invitation.',
  invitationSecret: 'Give it to the owner of the box only.',
  boxJoined: (name: string) => `${name} is connected.`,
  toOtherBoxes: 'Names, cameras and the end of a pairing are on Other boxes.',
  connectedSince: (time: string) => `Connected since ${time}`,
  connecting: 'Connecting…',
  awaySince: (time: string) => `No connection since ${time}`,
  refusedSince: (time: string) => `Refused since ${time}`,

  callServer: 'Connect to a server',
  callServerText: 'For a box that nothing from outside reaches',
  callServerHint:
    'This box connects to another Perch, which shows its cameras away from home. The router needs no open port.',
  noCalledServers: 'This box connects to no server.',
  addServer: 'Connect to a server',
  invitationHint:
    'On the server, open Settings, Cameras, Boxes that connect by themselves, invite a box, and paste the invitation here.',
  invitationWrong: 'This is not an invitation of a server. Copy all of it.',
  invitationUsed: 'This invitation was used or has expired. Create a new one on the server.',
  serverUnreachable: 'The server does not answer at the addresses of the invitation.',
  serverIsOther: 'Another machine answers at the addresses of the invitation.',
  serverMay: 'Permissions of the server',
  mayTalk: 'Talk through cameras that it watches',
  mayFleet: 'Take this box into its fleet: events of all cameras',
  oneRight: 'Choose live or recordings.',
  connect: 'Connect',
  connectEffect: 'The server shows the chosen cameras. It gets no passwords, and only the settings that you permit.',
  serverConnected: (name: string) => `This box is connected to ${name}.`,
  changeOnServers: 'Permissions and the end of a pairing are on Servers.',
};

export type AwayWords = typeof en;
