/-
The side that decides. It reads our statement and the declarations that `prover.lean` handed over, as data; no text
of the candidate is parsed or elaborated here. Every declaration goes through the kernel; the last is stated by our
own type; then the axioms are collected. `reallyAxiom` is defined before, by the caller: it says which of the
library's axioms are axioms indeed where the library comes without its proofs.
-/
namespace MathpipeJudge
open Lean Elab Command MathpipeStatement

structure Tables where
  names : Array Name
  levels : Array Level
  expressions : Array Expr

def natAt (row : Array Json) (place : Nat) : Nat := if h : place < row.size then number row[place] else 0

def wrong {α : Type} (what : String) : IO α := throw (IO.userError ("malformed: " ++ what))

def nameAt (names : Array Name) (place : Nat) : IO Name :=
  if h : place < names.size then return names[place] else wrong "name"

def levelAt (levels : Array Level) (place : Nat) : IO Level :=
  if h : place < levels.size then return levels[place] else wrong "level"

def exprAt (expressions : Array Expr) (place : Nat) : IO Expr :=
  if h : place < expressions.size then return expressions[place] else wrong "expression"

def rowOf : Json → Array Json
  | .arr row => row
  | _ => #[]

def tagOf (row : Array Json) : String := if h : 0 < row.size then text row[0] else ""

partial def readNames : List Json → Array Name → IO (Array Name)
  | [], made => return made
  | head :: rest, made => do
    let row := rowOf head
    if h : row.size = 2 then
      let parent ← nameAt made (number row[0])
      match row[1] with
      | .str part => readNames rest (made.push (.str parent part))
      | other => readNames rest (made.push (.num parent (number other)))
    else readNames rest (made.push .anonymous)

partial def readLevels (names : Array Name) : List Json → Array Level → IO (Array Level)
  | [], made => return made
  | head :: rest, made => do
    let row := rowOf head
    let level ← match tagOf row with
      | "" => pure .zero
      | "s" => do pure (.succ (← levelAt made (natAt row 1)))
      | "m" => do pure (.max (← levelAt made (natAt row 1)) (← levelAt made (natAt row 2)))
      | "i" => do pure (.imax (← levelAt made (natAt row 1)) (← levelAt made (natAt row 2)))
      | "p" => do pure (.param (← nameAt names (natAt row 1)))
      | _ => wrong "level"
    readLevels names rest (made.push level)

partial def levelsFrom (levels : Array Level) : List Json → IO (List Level)
  | [] => return []
  | head :: rest => do
    let level ← levelAt levels (number head)
    return level :: (← levelsFrom levels rest)

partial def namesFrom (names : Array Name) : List Json → IO (List Name)
  | [] => return []
  | head :: rest => do
    let name ← nameAt names (number head)
    return name :: (← namesFrom names rest)

def literalAt (row : Array Json) : IO Expr :=
  if h : 1 < row.size then
    match row[1] with
    | .str value => return .lit (.strVal value)
    | other => return .lit (.natVal (number other))
  else wrong "literal"

def afterTwo : List Json → List Json
  | _ :: _ :: rest => rest
  | _ => []

partial def readExpressions (names : Array Name) (levels : Array Level) : List Json → Array Expr → IO (Array Expr)
  | [], made => return made
  | head :: rest, made => do
    let row := rowOf head
    let at' := fun place => exprAt made (natAt row place)
    let expression ← match tagOf row with
      | "b" => pure (mkBVar (natAt row 1))
      | "s" => do pure (mkSort (← levelAt levels (natAt row 1)))
      | "c" => do pure (mkConst (← nameAt names (natAt row 1)) (← levelsFrom levels (afterTwo row.toList)))
      | "a" => do pure (mkApp (← at' 1) (← at' 2))
      | "l" => do pure (mkLambda (← nameAt names (natAt row 1)) .default (← at' 2) (← at' 3))
      | "p" => do pure (mkForall (← nameAt names (natAt row 1)) .default (← at' 2) (← at' 3))
      | "e" => do pure (mkLet (← nameAt names (natAt row 1)) (← at' 2) (← at' 3) (← at' 4))
      | "n" => literalAt row
      | "t" => literalAt row
      | "j" => do pure (mkProj (← nameAt names (natAt row 1)) (natAt row 2) (← at' 3))
      | _ => wrong "expression"
    readExpressions names levels rest (made.push expression)

def readTables (data : Json) : IO Tables := do
  let names ← readNames (items (field data "names")) #[]
  let levels ← readLevels names (items (field data "levels")) #[]
  return { names, levels, expressions := ← readExpressions names levels (items (field data "expressions")) #[] }

/-- Why a claim is not proved: a reason for the caller, and what it is about. -/
structure Refusal where
  reason : String
  about : String

/-- The kernel's options are ours, whatever the header sets: it checks, and only the caller's clock ends it. -/
def kernelContext : Core.Context :=
  { fileName := "judge", fileMap := default, options := maxHeartbeats.set {} 0, maxHeartbeats := 0 }

/-- The environment with one more declaration that the kernel checked. -/
def checked (compiled : Bool) (environment : Environment) (declaration : Declaration) :
    IO (Except Refusal Environment) := do
  try
    let (_, state) ← (Lean.addDecl declaration).toIO kernelContext { env := environment }
    if !compiled then return .ok state.env
    let (_, ready) ← (Lean.compileDecl declaration).toIO kernelContext { env := state.env }
    return .ok ready.env
  catch problem => return .error { reason := "kernel", about := toString problem }

partial def sameLevels : List Name → List Name → Bool
  | [], [] => true
  | left :: others, right :: rest => left == right && sameLevels others rest
  | _, _ => false

/-- Without annotations such as `@&`: they mean nothing to the kernel, and the prover does not hand them over. -/
partial def bare (expression : Expr) : Expr :=
  expression.replace fun
    | .mdata _ inner => some (bare inner)
    | _ => none

/-- A constant that is there already must be the same: nothing of ours is ever redefined. -/
def agrees (known : ConstantInfo) (levels : List Name) (type value : Expr) : Bool :=
  sameLevels known.levelParams levels && known.type == type && match known with
    | .defnInfo definition => definition.value == value
    | .thmInfo _ => true
    | _ => false

def hints (height : Nat) : ReducibilityHints :=
  if height == 0 then .abbrev else .regular (height - 1).toUInt32

/-- Add what the theorem rests on, then the theorem itself under a name of ours and with our type. -/
partial def replayed (native : Bool) (tables : Tables) (stated : ConstantInfo) (verdict : Name) :
    List Json → Environment → IO (Except Refusal Environment)
  | [], _ => return .error { reason := "malformed", about := "the theorem is missing" }
  | head :: rest, environment => do
    let name ← nameAt tables.names (number (field head "name"))
    let levels ← namesFrom tables.names (items (field head "levels"))
    let type ← exprAt tables.expressions (number (field head "type"))
    let value ← exprAt tables.expressions (number (field head "value"))
    let kind := text (field head "kind")
    if name == stated.name then
      if kind != "theorem" then return .error { reason := "added", about := kind ++ " " ++ spell name }
      if !sameLevels stated.levelParams levels || bare stated.type != type then
        return .error { reason := "statement", about := spell name }
      checked false environment (.thmDecl { name := verdict, levelParams := stated.levelParams, type := stated.type, value })
    else match environment.find? name with
      | some known =>
        if agrees known levels type value then replayed native tables stated verdict rest environment
        else return .error { reason := "redefined", about := spell name }
      | none =>
        let declaration : Declaration :=
          if kind == "theorem" then .thmDecl { name, levelParams := levels, type, value }
          else .defnDecl { name, levelParams := levels, type, value, safety := .safe,
                           hints := hints (number (field head "height")) }
        if kind != "theorem" && kind != "definition" then
          return .error { reason := "added", about := kind ++ " " ++ spell name }
        match ← checked (native && kind == "definition") environment declaration with
        | .error refusal => return .error refusal
        | .ok more => replayed native tables stated verdict rest more

/-- Whether the proof has the kernel believe compiled code: only then is any of it compiled here. -/
partial def trustsCode : List Name → Bool
  | [] => false
  | head :: rest => head == ``Lean.reduceBool || head == ``Lean.reduceNat || head == ``Lean.ofReduceBool
    || head == ``Lean.ofReduceNat || trustsCode rest

partial def trueAxioms (environment : Environment) : List Name → List Json
  | [] => []
  | head :: rest =>
    if reallyAxiom environment head then .str (spell head) :: trueAxioms environment rest
    else trueAxioms environment rest

def refused (refusal : Refusal) : Json :=
  Json.mkObj [("status", "refused"), ("reason", .str refusal.reason), ("about", .str refusal.about)]

def badStatement (message : Json) : Json := Json.mkObj [("status", "bad statement"), ("message", message)]

def judged (allowNative : Bool) (data : Json) (stated : ConstantInfo) (environment : Environment) : CommandElabM Json := do
  let verdict := `_mathpipe_verdict
  let tables ← readTables data
  let native := trustsCode tables.names.toList
  if native && !allowNative then return refused { reason := "native", about := "compiled code" }
  match ← replayed native tables stated verdict (items (field data "declarations")) environment with
  | .error refusal => return refused refusal
  | .ok final =>
    let before ← get
    setEnv final
    let axioms ← collectAxioms verdict
    set before
    return Json.mkObj [("status", "checked"), ("axioms", .arr (trueAxioms final axioms.toList).toArray)]

/-- The verdict on a claim: what the kernel said, and the axioms that the proof rests on. -/
def judge (request : Json) : CommandElabM Json := do
  let statement := text (field request "statement")
  match ← parseStatement statement with
  | .error message => return badStatement (.str message)
  | .ok command =>
    let (environment, fault) ← elaborated command (statement ++ " := sorry")
    match fault, ← declared command environment with
    | some problem, _ => return badStatement (field problem "message")
    | none, none => return badStatement "it declares nothing"
    | none, some name =>
      match environment.find? name, field request "data" with
      | some (.thmInfo _), .null => return Json.mkObj [("status", "stated")]
      | some (.thmInfo stated), data => judged (flag (field request "allow_native")) data (.thmInfo stated) environment
      | _, _ => return badStatement "it is not a theorem"

end MathpipeJudge
