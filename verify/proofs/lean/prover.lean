/-
The side that runs the candidate's text. Nothing that it says is believed: it hands over the declarations that the
theorem rests on, as data, and `judge.lean` has the kernel check them in a process that never saw the text.
-/
namespace MathpipeProver
open Lean Elab Command MathpipeStatement

/-- Syntax that runs code of the candidate's own while it is elaborated. -/
def codeKinds : List Name := [
  `Lean.Parser.Term.byElab, `Lean.Parser.Tactic.runTac, `Lean.Parser.Term.unsafe, `Lean.includeStr,
  `Lean.Parser.Term.includeStr, `Lean.Parser.Term.attributes, `Lean.Parser.Term.dbgTrace]

/-- What a configuration may hold: it is evaluated, so `(config := f x)` would be a program. -/
def plainKinds : List Name := [
  `Lean.Parser.Term.structInst, `Lean.Parser.Term.structInstFields, `Lean.Parser.Term.structInstField,
  `Lean.Parser.Term.structInstFieldDef, `Lean.Parser.Term.structInstLVal, `Lean.Parser.Term.optEllipsis,
  `Lean.Parser.Term.dotIdent, `Lean.Parser.Term.paren, `Lean.Parser.Term.typeAscription,
  `Lean.Parser.Term.anonymousCtor]

def configKinds : List Name := [
  `Lean.Parser.Tactic.valConfigItem, `Lean.Parser.Tactic.config, `Lean.Parser.Tactic.simpConfig]

def isIn (name : Name) : List Name → Bool
  | [] => false
  | head :: rest => head == name || isIn name rest

/-- The first piece of syntax that would run code, by its kind. -/
partial def codeIn (inConfig : Bool) (tree : Syntax) : Option Name :=
  let kind := tree.getKind
  let term := match kind with
    | .str (.str (.str .anonymous "Lean") "Parser") _ => false
    | .str (.str (.str (.str .anonymous "Lean") "Parser") "Term") _ => true
    | _ => false
  if isIn kind codeKinds then some kind
  else if inConfig && term && !isIn kind plainKinds then some kind
  else among (inConfig || isIn kind configKinds) tree.getArgs.toList
where among (inConfig : Bool) : List Syntax → Option Name
  | [] => none
  | head :: rest => match codeIn inConfig head with
    | some found => some found
    | none => among inConfig rest

/-! The declarations as data: tables of names, levels and expressions, each entry naming earlier ones. -/

structure Tables where
  names : IO.Ref (List (Name × Nat))
  buckets : IO.Ref (Array (List (Expr × Nat)))
  nameRows : IO.Ref (Array Json)
  levelRows : IO.Ref (Array Json)
  exprRows : IO.Ref (Array Json)
  declarations : IO.Ref (Array Json)
  seen : IO.Ref NameSet

def bucketCount : Nat := 4096

partial def emptyBuckets (count : Nat) (made : Array (List (Expr × Nat))) : Array (List (Expr × Nat)) :=
  if count == 0 then made else emptyBuckets (count - 1) (made.push [])

def addRow (rows : IO.Ref (Array Json)) (row : List Json) : IO Nat := do
  let before ← rows.get
  rows.set (before.push (.arr row.toArray))
  return before.size

def findName (name : Name) : List (Name × Nat) → Option Nat
  | [] => none
  | (head, place) :: rest => if head == name then some place else findName name rest

partial def nameRow (tables : Tables) (name : Name) : IO Nat := do
  match findName name (← tables.names.get) with
  | some place => return place
  | none =>
    let place ← match name with
      | .anonymous => addRow tables.nameRows []
      | .str parent part => do addRow tables.nameRows [toJson (← nameRow tables parent), .str part]
      | .num parent part => do addRow tables.nameRows [toJson (← nameRow tables parent), toJson part]
    tables.names.modify fun known => (name, place) :: known
    return place

partial def levelRow (tables : Tables) : Level → IO Nat
  | .zero => addRow tables.levelRows []
  | .succ level => do addRow tables.levelRows [.str "s", toJson (← levelRow tables level)]
  | .max left right => do
    addRow tables.levelRows [.str "m", toJson (← levelRow tables left), toJson (← levelRow tables right)]
  | .imax left right => do
    addRow tables.levelRows [.str "i", toJson (← levelRow tables left), toJson (← levelRow tables right)]
  | .param name => do addRow tables.levelRows [.str "p", toJson (← nameRow tables name)]
  | .mvar _ => throw (IO.userError "a universe is left open")

partial def levelRows (tables : Tables) : List Level → IO (List Json)
  | [] => return []
  | head :: rest => do
    let row ← levelRow tables head
    return toJson row :: (← levelRows tables rest)

partial def nameRows (tables : Tables) : List Name → IO (List Json)
  | [] => return []
  | head :: rest => do
    let row ← nameRow tables head
    return toJson row :: (← nameRows tables rest)

def findExpr (expression : Expr) : List (Expr × Nat) → Option Nat
  | [] => none
  | (head, place) :: rest => if head == expression then some place else findExpr expression rest

partial def exprRow (tables : Tables) (expression : Expr) : IO Nat := do
  let bucket := expression.hash.toNat % bucketCount
  match findExpr expression ((← tables.buckets.get)[bucket]!) with
  | some place => return place
  | none =>
    let place ← newRow expression
    tables.buckets.modify fun buckets => buckets.set! bucket ((expression, place) :: buckets[bucket]!)
    return place
where
  newRow : Expr → IO Nat
    | .bvar index => addRow tables.exprRows [.str "b", toJson index]
    | .sort level => do addRow tables.exprRows [.str "s", toJson (← levelRow tables level)]
    | .const name levels => do
      let row ← nameRow tables name
      addRow tables.exprRows (.str "c" :: toJson row :: (← levelRows tables levels))
    | .app function argument => do
      let head ← exprRow tables function
      addRow tables.exprRows [.str "a", toJson head, toJson (← exprRow tables argument)]
    | .lam name type body _ => binder "l" name type body
    | .forallE name type body _ => binder "p" name type body
    | .letE name type value body _ => do
      let row ← nameRow tables name
      let typeRow ← exprRow tables type
      let valueRow ← exprRow tables value
      addRow tables.exprRows
        [.str "e", toJson row, toJson typeRow, toJson valueRow, toJson (← exprRow tables body)]
    | .lit (.natVal value) => addRow tables.exprRows [.str "n", toJson value]
    | .lit (.strVal value) => addRow tables.exprRows [.str "t", .str value]
    | .mdata _ inner => exprRow tables inner
    | .proj name index inner => do
      let row ← nameRow tables name
      addRow tables.exprRows [.str "j", toJson row, toJson index, toJson (← exprRow tables inner)]
    | .fvar _ => throw (IO.userError "a variable is left free")
    | .mvar _ => throw (IO.userError "a hole is left open")
  binder (tag : String) (name : Name) (type body : Expr) : IO Nat := do
    let row ← nameRow tables name
    let typeRow ← exprRow tables type
    addRow tables.exprRows [.str tag, toJson row, toJson typeRow, toJson (← exprRow tables body)]

/-- How eagerly the kernel unfolds a definition: it decides how long checking takes, never what is true. -/
def height : ConstantInfo → Nat
  | .defnInfo value => match value.hints with
    | .regular height => height.toNat + 1
    | _ => 0
  | _ => 0

def kindOf : ConstantInfo → String
  | .axiomInfo _ => "axiom"
  | .thmInfo _ => "theorem"
  | .defnInfo value => match value.safety with
    | .safe => "definition"
    | .unsafe => "unsafe definition"
    | .partial => "partial definition"
  | .opaqueInfo _ => "opaque constant"
  | .quotInfo _ => "quotient"
  | .inductInfo _ => "inductive type"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"

/-- Hand over a constant after all that it rests on and that the statement's environment has not. -/
partial def declare (tables : Tables) (base environment : Environment) (name : Name) : IO Unit := do
  if base.contains name || (← tables.seen.get).contains name then return
  tables.seen.modify fun seen => seen.insert name
  match environment.find? name with
  | none => throw (IO.userError ("unknown constant " ++ spell name))
  | some constant =>
    declareAll constant.type.getUsedConstants.toList
    match constant with
    | .thmInfo value => declareAll value.value.getUsedConstants.toList
    | .defnInfo value => declareAll value.value.getUsedConstants.toList
    | _ => pure ()
    let row ← nameRow tables name
    let parameters ← nameRows tables constant.levelParams
    let type ← exprRow tables constant.type
    let value ← match constant with
      | .thmInfo value => exprRow tables value.value
      | .defnInfo value => exprRow tables value.value
      | _ => pure 0
    tables.declarations.modify fun made => made.push (Json.mkObj [
      ("kind", .str (kindOf constant)), ("name", toJson row), ("levels", .arr parameters.toArray),
      ("type", toJson type), ("value", toJson value), ("height", toJson (height constant))])
where declareAll : List Name → IO Unit
  | [] => pure ()
  | head :: rest => do
    declare tables base environment head
    declareAll rest

def exported (base environment : Environment) (name : Name) : IO Json := do
  let tables : Tables := {
    names := ← IO.mkRef [], buckets := ← IO.mkRef (emptyBuckets bucketCount #[]), nameRows := ← IO.mkRef #[],
    levelRows := ← IO.mkRef #[], exprRows := ← IO.mkRef #[], declarations := ← IO.mkRef #[],
    seen := ← IO.mkRef {} }
  declare tables base environment name
  return Json.mkObj [
    ("names", .arr (← tables.nameRows.get)), ("levels", .arr (← tables.levelRows.get)),
    ("expressions", .arr (← tables.exprRows.get)), ("declarations", .arr (← tables.declarations.get))]

/-- One way to read the proof: what came of it, and whether it is done with. -/
def tried (allowCode : Bool) (statement : String) (command : Syntax) (reading : String) :
    CommandElabM (List (String × Json)) := do
  let source := statement ++ reading
  match Parser.runParserCategory (← getEnv) `command source "proof" with
  | .error message => return [("status", "unreadable"), ("message", .str message)]
  | .ok whole =>
    match firstOf ``Parser.Command.declValSimple whole with
    | none => return [("status", "unreadable"), ("message", .str "proof:1:0: it is not a proof")]
    | some value =>
      match if allowCode then none else codeIn false value with
      | some kind => return [("status", "code"), ("message", .str (spell kind))]
      | none =>
        let base ← getEnv
        let (environment, fault) ← elaborated (withValue value command) source
        match fault, ← declared command environment with
        | some problem, _ => return [("status", "fault"), ("fault", problem)]
        | none, none => return [("status", "fault"), ("fault", .null)]
        | none, some name =>
          return [("status", "proof"), ("name", .str (spell name)), ("data", ← exported base environment name)]

partial def firstThatWorks (allowCode : Bool) (statement : String) (command : Syntax) :
    List Json → List Json → CommandElabM (List Json)
  | [], done => return done
  | reading :: rest, done => do
    let outcome ← tried allowCode statement command (text reading)
    let result := Json.mkObj outcome :: done
    match outcome with
    | ("status", .str "proof") :: _ => return result
    | _ => firstThatWorks allowCode statement command rest result

/-- What came of the claim: the outcome of every reading that was tried, the last first. -/
def attempt (claim : Json) : CommandElabM Json := do
  let statement := text (field claim "statement")
  match ← parseStatement statement with
  | .error message => return Json.mkObj [("status", "bad statement"), ("message", .str message)]
  | .ok command =>
    let outcomes ← firstThatWorks (flag (field claim "allow_code")) statement command
      (items (field claim "readings")) []
    return Json.mkObj [("status", "tried"), ("outcomes", .arr outcomes.toArray)]

end MathpipeProver
