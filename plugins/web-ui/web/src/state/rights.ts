// What a role may do, for what is shown only: the daemon decides for itself and refuses the rest.
import { who } from "./live";
import { useStore } from "./store";
import type { Role } from "../api/types";

export type Right = "read" | "control" | "administer";

const RIGHTS: Record<Role, readonly Right[]> = {
  administrator: ["read", "control", "administer"],
  operator: ["read", "control"],
  monitor: ["read"],
  backup: [],
};

export function may(role: Role, right: Right): boolean {
  return RIGHTS[role].includes(right);
}

export function useMay(right: Right): boolean {
  const session = useStore(who);
  return typeof session === "object" && session !== null && may(session.role, right);
}
