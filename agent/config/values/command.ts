import Type from 'typebox';

/** Schema of a command that Perch starts; empty: none. */
export const Command = (when: string, keywords = {}) =>
  Type.String({ default: '', syntax: 'command', description: `Command. ${when}`, ...keywords });

export const Restart = () =>
  Type.Boolean({ default: false, description: 'Start the command again 5 s after it has ended by itself.' });
