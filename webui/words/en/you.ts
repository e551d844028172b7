/** Settings: the user's own account. */
export const you = {
  account: 'My account',
  ownerIs: (user: string) => `Logged in as ${user}`,
  noOwnerText: 'The configuration decides who has access. An owner can change it here.',
  install: 'Install Perch',
  installText: 'On this phone or computer. It needs https.',
  logOut: 'Log out',
  appearance: 'Appearance',
  asSystem: 'Automatic',
  dark: 'Dark',
  light: 'Light',

  viewsKnown: 'The owner can see which cameras you watch and when.',

  changePassword: 'Change password',
  oldPassword: 'Current password',
  newPassword: 'New password',
  newPasswordHint: 'Eight characters or more. A short sentence works well.',
  newPasswordCommon: 'Many people use this one. Add a word.',
  oldPasswordWrong: 'Wrong current password.',
  otherDevices: 'Your other browsers must log in again.',
  passwordChanged: 'Password changed.',

  factor: 'Two-factor authentication',
  factorOn: 'On: new browsers need a code from your phone.',
  factorOff: 'Off: the password is enough.',
  factorText:
    'A stolen password is then not enough: each new browser also needs a code from an authenticator app on your phone.',
  factorPrograms: 'Players and scripts that use your password stop working. Give them a device password first.',
  factorNext: 'Next',
  factorScan: 'Scan this code with your authenticator app, then enter the six digits that it shows.',
  factorQr: 'QR code for the authenticator app',
  factorKey: 'Or enter this key in the app',
  factorTurnOn: 'Turn on',
  factorIsOn: 'Two-factor authentication is on. Your other browsers must log in again.',
  recoveryCodes: 'Recovery codes',
  recoveryText:
    'If you lose your phone, each of these codes logs you in once. They are shown only now: write them down.',
  recoveryCopy: 'Copy',
  recoveryCopied: 'Recovery codes copied.',
  recoveryDone: 'I saved them',
  factorTurnOff: 'Turn off',
  factorTurnOffText: 'From then on the password is enough in any browser.',
  factorIsOff: 'Two-factor authentication is off.',

  devices: 'Logged-in browsers',
  devicesText: "Log out any you don't recognize, and change your password.",
  thisDevice: 'This browser',
  lastUsed: (time: string) => `last used ${time}`,
  unknownDevice: 'Unknown browser',
  logOutDevice: 'Log out',
  logOutNamed: (device: string) => `Log out ${device}`,
  logOutOthers: 'Log out my other browsers',
  othersAreOut: 'Your other browsers are logged out.',
};

export type YouWords = typeof you;
