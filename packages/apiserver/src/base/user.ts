/** Who asks: a name and the groups that it is in. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Whoever holds the token. */
export const ADMINISTRATOR: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };

/** As reviews show a user. */
export const userInfo = ({ name, groups }: User): { username: string; groups: string[]; uid?: string } => ({
  username: name,
  ...(name === ADMINISTRATOR.name ? { uid: "admin" } : {}),
  groups: [...groups],
});
