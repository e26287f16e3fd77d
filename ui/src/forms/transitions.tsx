import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import type { ReactNode } from "react";
import type { Transition } from "@/api/nouns";
import { transitions } from "@/api/queries";

const TransitionsContext = createContext<Transition[] | undefined>(undefined);

// Transitions reads the table of what a VM's state allows once, for every row and button below it.
export function Transitions({ children }: { children: ReactNode }) {
  return <TransitionsContext.Provider value={useQuery(transitions()).data}>{children}</TransitionsContext.Provider>;
}

export const useTransitions = (): Transition[] | undefined => useContext(TransitionsContext);
